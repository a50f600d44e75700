// <taffy-extend>: how far a picture goes on beyond its edges, by shape or by a quarter to all sides.

import { currentCard } from "./cards.js";
import { element } from "./elements.js";
import { formOf, overwrite, watchForm } from "./form.js";
import { picture, TAB, watchPicture } from "./source-picture.js";

const SHAPES = ["1:1", "4:3", "3:2", "16:9", "3:4", "2:3", "9:16"];
const ZOOM_OUT = 0.25; // of each side, to all sides
const NONE = { extend_left: 0, extend_top: 0, extend_right: 0, extend_bottom: 0 };

/** Two parts of what is missing from `now` to about `wanted` pixels, so that the sum is a multiple of `multiple`. */
function parts(now, wanted, multiple) {
  const whole = Math.max(now, Math.round(wanted / multiple) * multiple);
  const first = Math.floor((whole - now) / 2);
  return [first, whole - now - first];
}

function extension({ width, height }, wide, high, multiple) {
  const [extend_left, extend_right] = parts(width, wide, multiple);
  const [extend_top, extend_bottom] = parts(height, high, multiple);
  return { extend_left, extend_top, extend_right, extend_bottom };
}

/** The pixels beyond each edge that make a picture of this shape ("16:9"). */
export function toShape(size, shape, multiple = 8) {
  const [across, down] = shape.split(":").map(Number);
  const wide = Math.max(size.width, (size.height * across) / down);
  return extension(size, wide, Math.max(size.height, (wide * down) / across), multiple);
}

/** A quarter of the picture beyond each edge. */
export function zoomedOut(size, multiple = 8) {
  const share = 1 + 2 * ZOOM_OUT;
  return extension(size, size.width * share, size.height * share, multiple);
}

class Extend extends HTMLElement {
  connectedCallback() {
    const multiple = () => currentCard()?.size_multiple ?? 8;
    const button = (label, what, values) =>
      element("button", { type: "button", onclick: () => overwrite(what, values()) }, label);
    this.shapes = SHAPES.map((shape) => button(shape, `${shape} by extending`, () => toShape(picture, shape, multiple())));
    this.zoom = button("Zoom out", "zooming out", () => zoomedOut(picture, multiple()));
    this.zoom.title = "A quarter more on every side";
    this.none = button("None", "no extension", () => NONE);
    this.said = element("p", { role: "status" });
    const row = element("div", { className: "taffy-chips", role: "group", ariaLabel: "Extend to" });
    row.append(...this.shapes, this.zoom, this.none);
    this.replaceChildren(row, this.said);
    this.ends = [watchForm(() => this.draw()), watchPicture(() => this.draw())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  draw() {
    const [left, top, right, bottom] = Object.keys(NONE).map((name) => Number(formOf(TAB)[name]) || 0);
    for (const button of [...this.shapes, this.zoom]) button.disabled = !picture.width;
    const size = `${picture.width + left + right} × ${picture.height + top + bottom}`;
    this.said.textContent = picture.width && left + top + right + bottom ? `The result is ${size} pixels.` : "";
  }
}

customElements.define("taffy-extend", Extend);
