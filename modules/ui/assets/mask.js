// <taffy-mask>: the picture to start from, and the mask that is painted on it. The mask is an input of the server: what
// is seen here is uploaded after every act, and its id is in the form, which survives reloads and restarts.

import { element } from "./elements.js";
import { formOf, watchForm, write } from "./form.js";
import { Bar } from "./mask-bar.js";
import { Keys } from "./mask-keys.js";
import { decoded, Mask } from "./mask-model.js";
import { Overlay } from "./mask-overlay.js";
import { Pointers } from "./mask-pointer.js";
import { View } from "./mask-view.js";
import { tellPicture, TAB } from "./source-picture.js";
import { inputAbout, inputFromFile, inputUrl } from "./source-upload.js";

const PAUSE_MS = 300; // after the last act, before the mask travels
const AGAIN_MS = 2000; // until the server may be back
const SIDES = ["left", "top", "right", "bottom"];
const KEYS = "Arrow keys move the brush, Space paints, B brush, E eraser, [ and ] size, Ctrl+Z undo, + and - zoom.";

export class Editor extends HTMLElement {
  connectedCallback() {
    this.image = element("img", { alt: "", draggable: false });
    const canvas = element("canvas", { ariaHidden: "true" });
    this.overlay = new Overlay();
    this.paper = element("div", { className: "taffy-paper" }, this.image, canvas, this.overlay.root);
    const role = { role: "application", ariaLabel: "Picture to start from, with its mask", ariaDescription: KEYS };
    this.field = element("div", { className: "taffy-mask-field", tabIndex: 0, ...role }, this.paper);
    this.spoken = element("p", { className: "taffy-spoken", role: "status" });
    this.line = element("p", { className: "taffy-mask-line" });
    this.tool = matchMedia("(pointer: coarse)").matches ? "move" : "brush"; // a finger wants to scroll the page first
    this.brush = 16; // pixels of the picture across
    this.strength = 1;
    this.mask = new Mask(canvas, () => this.changed());
    this.view = new View(this.field, this.paper);
    this.view.placed = () => this.drawEdge();
    this.bar = new Bar(this);
    const part = { className: "taffy-editor", role: "group", ariaLabel: "Picture and mask" };
    this.dialog = element("dialog", part); // on the page it is a part of it, opened as large as the window
    this.dialog.append(this.bar.root, this.field, this.line, this.spoken);
    this.dialog.onclose = () => {
      this.dialog.role = "group";
      this.view.fit();
    };
    this.replaceChildren(this.dialog);
    this.pointers = new Pointers(this);
    this.keys = new Keys(this);
    [this.imageId, this.maskId] = ["", ""]; // what is shown; the form may want another
    this.share = 0; // how much is painted
    this.hover(null);
    this.end = watchForm(() => this.follow());
  }

  disconnectedCallback() {
    this.end();
    this.view.end();
  }

  // What the tools ask

  get size() {
    return this.brush;
  }

  /** How opaque the tool paints. Only a soft mask has degrees. */
  get opacity() {
    if (this.tool === "eraser") return 0;
    return formOf(TAB).soft_mask ? this.strength : 1;
  }

  /** Somebody came here to paint. */
  arm() {
    this.choose("brush");
    this.field.focus({ preventScroll: true });
    this.dispatchEvent(new CustomEvent("taffy-painted", { bubbles: true })); // opens the group of the mask
  }

  isMoving() {
    return this.keys.isSpace && !this.keys.at;
  }

  choose(tool) {
    this.tool = tool;
    this.field.dataset.tool = tool;
    this.bar.draw();
  }

  resizeTo(size) {
    this.brush = Math.min(this.bar.largest(), Math.max(1, size));
    this.bar.draw();
    this.hover(this.hovered);
  }

  resizeBrush(factor) {
    this.resizeTo(this.brush * factor);
  }

  hover(at) {
    this.hovered = at;
    this.overlay.hover(["brush", "eraser"].includes(this.tool) ? at : null, this.brush);
  }

  sketch(points) {
    this.overlay.sketch(points);
  }

  say(words) {
    this.spoken.textContent = words;
  }

  undo() {
    this.mask.undo();
    this.say("Undone");
  }

  redo() {
    this.mask.redo();
    this.say("Redone");
  }

  enlarge() {
    if (this.dialog.open) return this.dialog.close();
    this.dialog.role = "dialog";
    this.dialog.showModal();
    this.view.fit();
    this.field.focus();
  }

  // The form, and the server

  follow() {
    const values = formOf(TAB);
    const beyond = Object.fromEntries(SIDES.map((side) => [side, Number(values[`extend_${side}`]) || 0]));
    this.drawEdge();
    if (!this.dirty) this.drawLine();
    if ((values.image ?? "") !== this.imageId) this.open(values.image ?? "", values.mask ?? "", beyond);
    else if ((values.mask ?? "") !== this.maskId && !this.dirty && !this.saving) this.restore(values.mask ?? "");
    if (JSON.stringify(beyond) !== JSON.stringify(this.view.beyond)) this.show(beyond);
  }

  show(beyond) {
    const { width, height } = this.mask.canvas;
    this.overlay.fit({ width, height }, beyond);
    this.view.show({ width, height }, beyond);
  }

  /** Another picture. */
  async open(id, mask, beyond) {
    this.imageId = id;
    this.dirty = false; // what was painted on the picture before is in its own mask
    clearTimeout(this.pause);
    this.hidden = !id;
    if (!id) return tellPicture("");
    const [image, about] = await Promise.all([decoded(inputUrl(id)), inputAbout(id)]).catch(() => []);
    if (id !== this.imageId) return;
    this.hidden = !image;
    tellPicture(id, about);
    if (!image) return;
    this.image.src = image.src;
    this.mask.resize(image.naturalWidth, image.naturalHeight);
    this.maskId = "";
    this.show(beyond);
    this.choose(this.tool);
    this.resizeTo(this.bar.largest() / 8);
    this.tellShare();
    await this.restore(mask);
  }

  /** The mask that the form has, as the server kept it. */
  async restore(id) {
    this.maskId = id;
    const image = id ? await decoded(inputUrl(id)).catch(() => null) : null;
    if (id !== this.maskId || this.dirty) return;
    if (image) this.mask.load(image, { isNew: true });
    else this.mask.resize(this.mask.canvas.width, this.mask.canvas.height);
    this.bar.draw();
    this.tellShare();
  }

  changed() {
    this.dirty = true;
    this.bar.draw();
    this.dispatchEvent(new CustomEvent("taffy-painted", { bubbles: true }));
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.flush(), PAUSE_MS);
  }

  /** Resolves when the form has the mask that is seen: to false if it could not be kept. */
  async flush() {
    clearTimeout(this.pause);
    while (this.saving) await this.saving;
    if (!this.dirty) return true;
    this.saving = this.save();
    const isKept = await this.saving;
    this.saving = null;
    return isKept && this.flush(); // somebody may have gone on painting
  }

  async save() {
    const { imageId } = this;
    this.dirty = false;
    this.tellShare();
    try {
      const id = this.share ? (await inputFromFile(await this.mask.png())).id : "";
      if (imageId !== this.imageId) return true; // there is another picture by now
      this.maskId = id;
      await written({ mask: id }, () => imageId !== this.imageId);
      return true;
    } catch (error) {
      this.dirty = true;
      this.line.textContent = `The mask could not be kept: ${error.message}${error.isAway ? ", and is asked again" : ""}.`;
      if (error.isAway) this.pause = setTimeout(() => this.flush(), AGAIN_MS);
      return false;
    }
  }

  tellShare() {
    this.share = this.mask.share();
    this.drawLine();
  }

  drawLine() {
    const changes = formOf(TAB).mask_invert ? 1 - this.share : this.share;
    const percent = changes > 0 && changes < 0.01 ? "Less than 1" : String(Math.round(100 * changes));
    const words = this.share ? `${percent} % of the picture may change.` : "";
    if (this.line.textContent !== words) this.line.textContent = words;
  }

  drawEdge() {
    this.overlay.edge(this.mask.canvas, this.view.scale, formOf(TAB));
  }
}

/** Set values of the form; resolves when it has them, or when they are wanted no more. */
function written(values, isOver) {
  return new Promise((resolve) => {
    const has = () => isOver() || Object.entries(values).every(([name, value]) => formOf(TAB)[name] === value);
    const end = watchForm(() => has() && queueMicrotask(() => (end(), resolve())));
    if (!has()) write(values, TAB);
  });
}

/** Generate waits for the mask that is seen. */
window.addEventListener(
  "click",
  async (event) => {
    const button = event.target.closest?.(".taffy-generate");
    const editor = document.querySelector("taffy-mask");
    if (!button || !editor?.offsetParent || !(editor.dirty || editor.saving)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (await editor.flush()) button.click();
  },
  { capture: true },
);

customElements.define("taffy-mask", Editor);
