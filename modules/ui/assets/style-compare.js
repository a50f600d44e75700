// On the style tab a result lies over the picture it was made from, with a line to move, until somebody turns it off.

import "./compare.js";
import { element } from "./elements.js";
import { requestOf } from "./pictures.js";
import { inputUrl } from "./source-upload.js";
import { TAB } from "./style-source.js";

const OFF = "taffy-style-compare"; // "off" once somebody turned it off
const contents = new Map(); // url of a result -> promise of its content picture's id, or ""

function contentOf(picture) {
  if (!contents.has(picture.url)) {
    const image = requestOf(picture).then(({ style_mode: mode = "none", image: id }) => (mode === "none" ? "" : (id ?? "")));
    contents.set(picture.url, image.catch(() => ""));
  }
  return contents.get(picture.url);
}

class BeforeAfter {
  constructor(box) {
    this.compare = element("taffy-compare", { hidden: true });
    this.toggle = element("button", { type: "button", className: "taffy-style-toggle", hidden: true, onclick: () => this.turn() }, "Before and after");
    this.root = element("div", { className: "taffy-style-over", hidden: true, onclick: (event) => event.stopPropagation() }, this.compare, this.toggle);
    box.append(this.root);
  }

  async show(picture) {
    this.picture = picture;
    const content = picture ? await contentOf(picture) : "";
    if (picture !== this.picture) return;
    this.root.hidden = this.toggle.hidden = !content;
    if (!content) return;
    this.compare.setAttribute("before", inputUrl(content));
    this.compare.setAttribute("after", picture.url);
    this.draw();
  }

  turn() {
    localStorage.setItem(OFF, this.isOff ? "on" : "off");
    this.draw();
  }

  get isOff() {
    return localStorage.getItem(OFF) === "off";
  }

  draw() {
    this.compare.hidden = this.isOff;
    this.root.classList.toggle("is-off", this.isOff);
    this.toggle.ariaPressed = String(!this.isOff);
  }
}

const shown = new WeakMap(); // box of a stage -> what lies over it

document.addEventListener("taffy-shown", ({ target, detail }) => {
  if (!target.closest(`#taffy-frame-${TAB}`)) return;
  if (!shown.has(target.box)) shown.set(target.box, new BeforeAfter(target.box));
  shown.get(target.box).show(detail);
});
