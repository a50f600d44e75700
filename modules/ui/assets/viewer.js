// One picture over the whole window: as large as fits or pixel by pixel, the others to the left and right.

import { element } from "./elements.js";
import { neighbour, pictures } from "./pictures.js";
import { view } from "./view.js";

class Viewer {
  constructor(picture) {
    this.image = element("img", { draggable: false, onclick: () => this.zoom(!this.isZoomed) });
    this.field = element("div", { className: "taffy-field" }, this.image);
    this.place = element("span", { className: "taffy-place", role: "status" });
    this.pixels = element("span", { className: "taffy-place taffy-wide" });
    this.size = this.button("100 %", "Every pixel as one of the screen's (Z)", () => this.zoom(!this.isZoomed));
    this.download = element("a", {}, "Download");
    const bar = element(
      "div",
      { className: "taffy-viewer-bar" },
      this.button("‹", "The picture before (left arrow)", () => this.go(-1)),
      this.button("›", "The next picture (right arrow)", () => this.go(1)),
      this.place,
      this.pixels,
      this.size,
      this.download,
      this.button("×", "Close (Esc)", () => this.dialog.close()),
    );
    this.dialog = element(
      "dialog",
      { className: "taffy-viewer", ariaLabel: "Full size", onkeydown: (event) => this.key(event) },
      this.field,
      bar,
    );
    this.dialog.onclose = () => this.dialog.remove();
    document.body.append(this.dialog);
    this.show(picture);
    this.dialog.showModal(); // the browser keeps the focus inside, and gives it back when it is closed
    this.size.focus();
  }

  button(label, title, onclick) {
    const name = label.length > 1 ? {} : { ariaLabel: title };
    return element("button", { type: "button", title, onclick, ...name }, label);
  }

  show(picture) {
    const all = pictures(view.state);
    const number = all.findIndex(({ id }) => id === picture.id) + 1;
    this.picture = picture;
    Object.assign(this.image, { src: picture.url, alt: picture.prompt });
    this.place.textContent = `${number} of ${all.length}`;
    this.pixels.textContent = `${picture.width} × ${picture.height}`;
    this.download.href = `${picture.url}?download=1`;
    this.zoom(false);
  }

  go(distance) {
    this.show(neighbour(this.picture.id, distance));
    document.dispatchEvent(new CustomEvent("taffy-show", { detail: { picture: this.picture.id } }));
  }

  zoom(isZoomed) {
    this.isZoomed = isZoomed;
    this.field.classList.toggle("zoomed", isZoomed);
    this.field.tabIndex = isZoomed ? 0 : -1; // so that the arrows up and down can scroll it
    this.size.setAttribute("aria-pressed", String(isZoomed));
  }

  key(event) {
    const act = { ArrowLeft: () => this.go(-1), ArrowRight: () => this.go(1), z: () => this.zoom(!this.isZoomed) };
    if (event.ctrlKey || event.metaKey || event.altKey || !act[event.key]) return;
    event.preventDefault();
    act[event.key]();
  }
}

/** Show this picture; the newest if it is not on the page; nothing if there is none. */
export function openViewer(id) {
  const picture = neighbour(id, 0);
  if (picture && !document.querySelector("dialog[open]")) new Viewer(picture);
}
