// <taffy-advice>: what a small checkpoint does to pictures that are not of its kind, and what works instead.

import { currentCard, watchCards } from "./cards.js";
import { enlarge } from "./chain.js";
import { element } from "./elements.js";
import { formOf, overwrite, watchForm } from "./form.js";
import { picture, TAB, watchPicture } from "./source-picture.js";
import { sendInputToStyle } from "./style-source.js";

class Advice extends HTMLElement {
  connectedCallback() {
    this.className = "taffy-advice";
    this.words = element("p");
    const fit = () => {
      const { native_size: side } = currentCard();
      overwrite("its own size and a crop", { width: side, height: side, resize_mode: "crop" });
    };
    this.fit = element("button", { type: "button", onclick: fit });
    this.larger = element("button", { type: "button", onclick: () => this.enlarge() }, "Make it twice as large");
    const colours = () => sendInputToStyle({ id: picture.id, parent: formOf(TAB).parent }, { style_mode: "colour" });
    this.colours = element("button", { type: "button", onclick: colours }, "Give it other colours");
    this.colours.title = "Over to the style tab: the colours of another picture, everything else stays";
    this.larger.title = "Without any words: its content stays as it is";
    this.said = element("span", { role: "status" });
    this.replaceChildren(this.words, element("div", { className: "taffy-source-bar" }, this.larger, this.colours, this.fit, this.said));
    this.ends = [watchForm(() => this.draw()), watchPicture(() => this.draw()), watchCards(() => this.draw())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  /** A checkpoint that lists its words is one that knows little else. */
  draw() {
    const card = currentCard();
    const { width, height, mask, only_masked: isPart } = formOf(TAB);
    const side = card?.native_size;
    const own = isPart && mask ? { width: side, height: side } : picture;
    const [wide, high] = [Number(width) || own.width, Number(height) || own.height];
    this.hidden = !picture.width || !Object.keys(card?.words ?? {}).length || (wide === side && high === side);
    if (this.hidden) return;
    this.words.textContent =
      `${card.name} has only seen small drawings of ${side} × ${side} pixels: of a photo it makes drawn things and patches` +
      ` of colour, at any strength from 0.3 on. What works with photos: making them larger, giving them other colours,` +
      ` or a bigger checkpoint.`;
    this.fit.textContent = `Paint at ${side} × ${side}`;
  }

  async enlarge() {
    this.said.textContent = "";
    try {
      await enlarge(picture.id, formOf(TAB).parent);
      this.said.textContent = "It is on its way.";
    } catch (error) {
      this.said.textContent = error.message;
    }
  }
}

customElements.define("taffy-advice", Advice);
