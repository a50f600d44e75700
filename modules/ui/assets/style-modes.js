// <taffy-style-modes>: the ways to transfer a look. Those that this checkpoint cannot go are grey, with the reason.

import { currentCard, watchCards } from "./cards.js";
import { element } from "./elements.js";
import { formOf, overwrite, watchForm } from "./form.js";
import { TAB } from "./style-source.js";

class Modes extends HTMLElement {
  connectedCallback() {
    this.className = "taffy-style-modes";
    this.group = element("fieldset", {}, element("legend", {}, "How"));
    this.words = element("p");
    const fit = () => {
      const { native_size: side } = currentCard();
      overwrite("its own size", { width: side, height: side });
    };
    this.fit = element("button", { type: "button", onclick: fit });
    this.advice = element("div", { className: "taffy-advice", hidden: true }, this.words, element("div", { className: "taffy-source-bar" }, this.fit));
    this.problem = element("p", { className: "taffy-source-problem", role: "status" });
    this.replaceChildren(this.group, this.problem, this.advice);
    this.modes = [];
    this.ends = [watchForm(() => this.follow()), watchCards(() => this.ask())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  follow() {
    if ((formOf(TAB).checkpoint ?? "") !== this.asked) this.ask();
    this.draw();
  }

  async ask() {
    const checkpoint = formOf(TAB).checkpoint ?? ""; // none: what needs none can be used
    this.asked = checkpoint;
    const answer = await fetch(`/styles/modes?${new URLSearchParams({ checkpoint })}`).catch(() => null);
    if (!answer?.ok || checkpoint !== this.asked) return; // the page says elsewhere what is wrong with it
    this.modes = await answer.json();
    this.group.replaceChildren(this.group.firstChild, ...this.modes.map((mode) => this.choice(mode)));
    this.draw();
  }

  choice({ id, label, info, why_not: problem }) {
    const onchange = () => overwrite(`“${label}”`, { style_mode: id });
    const input = element("input", { type: "radio", name: "taffy-style-mode", value: id, disabled: Boolean(problem), onchange });
    const words = element("span", {}, element("b", {}, label), element("small", {}, problem || info));
    return element("label", { className: problem ? "is-off" : "" }, input, words);
  }

  draw() {
    const { style_mode: chosen } = formOf(TAB);
    const frame = document.querySelector(`#taffy-frame-${TAB}`);
    if (!chosen || !frame) return;
    frame.dataset.mode = chosen;
    frame.dataset.content = formOf(TAB).image ? "yes" : "no";
    frame.dataset.match = formOf(TAB).style_match ? "yes" : "no";
    for (const input of this.group.querySelectorAll("input")) input.checked = input.value === chosen;
    const mode = this.modes.find(({ id }) => id === chosen);
    const words = mode?.why_not ? `“${mode.label}” cannot be used: ${mode.why_not}.` : "";
    if (this.problem.textContent !== words) this.problem.textContent = words;
    this.drawAdvice(chosen);
  }

  /** A checkpoint that lists its words is one that knows little else. */
  drawAdvice(chosen) {
    const card = currentCard();
    const { image, width, height } = formOf(TAB);
    this.advice.hidden = !image || !Object.keys(card?.words ?? {}).length;
    if (this.advice.hidden) return;
    const side = card.native_size;
    const why = `${card.name} has only seen small drawings of ${side} × ${side} pixels, so it paints a photo anew as one of those.`;
    this.words.textContent =
      chosen === "colour"
        ? `This way keeps the picture and its size. The others paint: ${why}`
        : `${why} “Colours only” keeps a photo and its size.`;
    this.fit.textContent = `Paint at ${side} × ${side}`;
    this.fit.hidden = chosen === "colour" || (Number(width) === side && Number(height) === side);
  }
}

customElements.define("taffy-style-modes", Modes);
