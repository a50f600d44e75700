// <taffy-mask-tools>: what is done with the whole mask, and how it is seen. Opens its group when somebody paints.

import { element } from "./elements.js";
import { formOf, watchForm } from "./form.js";
import { decoded } from "./mask-model.js";
import { picture, TAB, watchPicture } from "./source-picture.js";
import { inputUrl } from "./source-upload.js";

const OPACITY = "taffy-mask-opacity"; // of the overlay, 0 to 1
const USUAL = 0.6;

const editor = () => document.querySelector("taffy-mask");

class MaskTools extends HTMLElement {
  connectedCallback() {
    const button = (label, title, onclick) => element("button", { type: "button", title, onclick }, label);
    this.file = element("input", { type: "file", accept: "image/*", className: "taffy-spoken", tabIndex: -1 });
    this.file.ariaHidden = "true";
    this.file.onchange = () => this.load(URL.createObjectURL(this.file.files[0]));
    this.alpha = button("From transparency", "What is transparent in the picture may change", () =>
      this.load(inputUrl(picture.id), true),
    );
    this.buttons = [
      button("Clear", "Paint nothing", () => editor().mask.all(0)),
      button("All", "Paint all of it", () => editor().mask.all(1)),
      button("From a file", "White may change, black stays", () => this.file.click()),
      this.alpha,
    ];
    const opacity = this.slider("See-through", (value) => {
      localStorage.setItem(OPACITY, value);
      this.drawOpacity();
    });
    opacity.firstChild.nextSibling.value = localStorage.getItem(OPACITY) ?? USUAL;
    this.strength = this.slider("Brush strength", (value) => (editor().strength = Number(value)));
    this.strength.title = "How much the painted part may change, 1: freely";
    this.said = element("p", { role: "status" });
    const row = element("div", { className: "taffy-chips" }, ...this.buttons, this.file);
    this.replaceChildren(row, element("div", { className: "taffy-mask-sliders" }, opacity, this.strength), this.said);
    this.ends = [watchForm(() => this.draw()), watchPicture(() => this.draw())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  slider(label, oninput) {
    const input = element("input", { type: "range", min: 0.1, max: 1, step: 0.05, value: 1 });
    input.oninput = () => oninput(input.value);
    return element("label", {}, `${label} `, input);
  }

  draw() {
    for (const button of this.buttons) button.disabled = !picture.width;
    this.alpha.hidden = !picture.has_alpha;
    this.strength.hidden = !formOf(TAB).soft_mask;
    this.drawOpacity();
  }

  drawOpacity() {
    editor()?.style.setProperty("--taffy-mask-opacity", localStorage.getItem(OPACITY) ?? USUAL);
  }

  async load(src, fromAlpha = false) {
    this.file.value = "";
    const image = await decoded(src).catch(() => null);
    if (!image) return void (this.said.textContent = "That is no picture.");
    const isOther = image.naturalWidth !== picture.width || image.naturalHeight !== picture.height;
    const size = `${image.naturalWidth} × ${image.naturalHeight}`;
    this.said.textContent = isOther ? `The mask had ${size} pixels and was stretched to the picture's size.` : "";
    editor().mask.load(image, { fromAlpha });
  }
}

customElements.define("taffy-mask-tools", MaskTools);

document.addEventListener("taffy-painted", () => {
  const group = document.querySelector("#mask");
  if (!group?.querySelector("taffy-mask-tools")?.offsetParent) group?.querySelector("button")?.click();
});
