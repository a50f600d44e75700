// <taffy-own-size>: the picture's own size, and the controls of this tab that mean nothing just now.

import { currentCard, watchCards } from "./cards.js";
import { element } from "./elements.js";
import { formOf, overwrite, watchForm } from "./form.js";
import { picture, TAB, watchPicture } from "./source-picture.js";

/** A control that would do nothing is not shown. */
function drawControls() {
  const values = formOf(TAB);
  const means = {
    "img2img-resize": Number(values.width) > 0 || Number(values.height) > 0,
    "img2img-image-cfg": currentCard()?.input_kind === "instruct",
    "mask-padding": values.only_masked,
  };
  for (const [id, isMeant] of Object.entries(means)) {
    document.querySelector(`#${id}`)?.classList.toggle("taffy-off", !isMeant);
  }
}

class OwnSize extends HTMLElement {
  connectedCallback() {
    const own = () => overwrite("the picture's own size", { width: 0, height: 0 });
    const fill = () => overwrite("its size as numbers", { width: picture.width, height: picture.height });
    this.own = element("button", { type: "button", onclick: own, title: "Make it as large as the picture (0 × 0)" });
    this.fill = element("button", { type: "button", onclick: fill, title: "To change them" }, "Its size as numbers");
    this.replaceChildren(this.own, this.fill);
    this.ends = [watchForm(() => this.draw()), watchPicture(() => this.draw()), watchCards(() => this.draw())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  draw() {
    const { width, height } = formOf(TAB);
    const size = picture.width ? `, ${picture.width} × ${picture.height}` : "";
    this.own.textContent = `Its own size${size}`;
    this.own.ariaPressed = String(!Number(width) && !Number(height));
    this.fill.hidden = !picture.width;
    drawControls();
  }
}

customElements.define("taffy-own-size", OwnSize);
