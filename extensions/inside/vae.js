// What the VAE alone does to a picture: there and back, without any painting in between.

import { element } from "/taffy/elements.js";
import { lines } from "./lines.js";

export class Vae {
  id = "vae";
  label = "VAE";
  live = true;

  constructor(stage) {
    this.stage = stage;
    this.which = element("select", { id: "inside-vae-which", onchange: () => this.read() }, element("option", { value: "" }, "This picture"), element("option", { value: "1" }, "The picture it started from"));
    this.choice = element("div", { className: "taffy-fields inside-which" }, element("label", { htmlFor: "inside-vae-which" }, "Send through"), this.which);
    this.shown = element("div", { className: "inside-three" });
    this.start = element("div", { className: "inside-three" });
    this.told = element("p", { className: "inside-told", role: "status" });
    const hint = "The VAE packs pixels into the small grids the network works on, and unpacks them again. It was trained for that alone, and it loses a little each time: what is lost here no prompt can bring back.";
    this.root = element("section", {}, element("h3", {}, "There and back through the VAE"), element("p", {}, hint), this.choice, this.told, this.shown, this.start);
  }

  know(known) {
    this.known = known;
    this.which.value = "";
    this.choice.hidden = known.live || !known.image;
    this.shown.replaceChildren();
    this.start.replaceChildren();
    this.told.textContent = "";
  }

  opened() {
    if (this.known.live) return this.showStart();
    if (!this.shown.children.length) this.read();
    if (this.known.image && !this.start.children.length) this.readStart();
  }

  async read() {
    const { known } = this;
    const { value } = this.which;
    this.told.textContent = "Waiting for the engine …";
    try {
      for await (const { before, after, lost, mean, psnr } of lines(this.stage.url("vae", { picture: known.id, ...(value && { source: 1 }) }))) {
        if (known !== this.known || value !== this.which.value) return;
        this.shown.replaceChildren(figure(before, "Before"), figure(after, "There and back"), figure(lost, "What was lost: dark is nothing, yellow is much"));
        const noise = psnr === null ? "" : ` In the measure of the field: ${psnr.toFixed(1)} dB.`;
        this.told.textContent = `On average the colours are off by ${mean.toFixed(1)}; 2 is just visible.${noise}`;
      }
    } catch (error) {
      if (known === this.known) this.told.textContent = error.message;
    }
  }

  /** Of a picture that is being made: what it began with, if that was a picture. */
  showStart() {
    const { image, source, start } = this.known;
    this.told.textContent = "When the picture is done it can be sent there and back.";
    if (!image || !start?.src) return;
    this.start.replaceChildren(figure(`/inputs/${encodeURIComponent(source)}`, "The picture it starts from"), figure(start.src, "What painting begins with: that picture under the noise of its strength"));
  }

  /** Of a picture that was made from another one. */
  async readStart() {
    const { known } = this;
    try {
      for await (const { name, src } of lines(this.stage.url("parts", { picture: known.id, step: 0 }))) {
        if (known !== this.known || name !== "start") return;
        this.start.replaceChildren(figure(src, "What painting began with: the picture under the noise of its strength"));
      }
    } catch (error) {
      if (known === this.known) this.told.textContent = error.message;
    }
  }
}

function figure(src, words) {
  return element("figure", {}, element("img", { src, alt: words }), element("figcaption", {}, words));
}
