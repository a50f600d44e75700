// <taffy-compare before="url" after="url">: one picture over the other, with a line between them to move.
// Arrow keys move the line, Home and End take it to the edges. "Closer" shows the pixels; then a drag moves the picture.

import { element } from "./elements.js";

const STEP = 0.02; // of the width, an arrow key
const STRIDE = 0.1; // page up and down
const CLOSER = 3; // times, where the picture is small
const PAN = 40; // pixels of the screen, an arrow key

const limited = (value, least, most) => Math.min(Math.max(value, least), Math.max(least, most));

class Compare extends HTMLElement {
  static observedAttributes = ["before", "after"];

  connectedCallback() {
    this.at = 0.5; // where the line is, as a share of what is seen
    this.middle = [0.5, 0.5]; // of the picture, in the middle of the box when it is close
    this.isClose = false;
    this.images = ["after", "before"].map((side) => this.image(side));
    this.pair = element("div", { className: "taffy-pair", onkeydown: (event) => this.pan(event) }, ...this.images);
    this.line = element("div", { className: "taffy-divider", role: "slider", tabIndex: 0, onkeydown: (event) => this.key(event) });
    this.line.ariaLabel = "Line between before and after";
    Object.assign(this.line, { ariaValueMin: "0", ariaValueMax: "100" });
    this.closer = element("button", { type: "button", title: "See the pixels; drag to move", onclick: () => this.toggle() }, "Closer");
    const sides = ["Before", "After"].map((word) => element("span", { className: `taffy-side ${word.toLowerCase()}` }, word));
    this.replaceChildren(this.pair, this.line, ...sides, this.closer);
    this.onpointerdown = (event) => this.grab(event);
    this.onpointermove = (event) => this.drag(event);
    this.onpointerup = this.onpointercancel = () => (this.held = null);
    this.watching = new ResizeObserver(() => this.lay());
    this.watching.observe(this);
    this.attributeChangedCallback();
  }

  disconnectedCallback() {
    this.watching.disconnect();
  }

  attributeChangedCallback() {
    if (!this.images) return;
    for (const image of this.images) {
      const src = this.getAttribute(image.dataset.side) ?? "";
      if (src && image.getAttribute("src") !== src) image.src = src;
    }
    this.hidden = !this.getAttribute("after");
    this.lay();
  }

  image(side) {
    const image = element("img", { alt: side === "before" ? "Before" : "After", draggable: false, onload: () => this.lay() });
    image.dataset.side = side;
    return image;
  }

  /** Put the pictures, the line and what is cut off where they belong. */
  lay() {
    const [{ naturalWidth, naturalHeight }, before] = this.images;
    const { clientWidth: width, clientHeight: height } = this;
    if (!naturalWidth || !width) return;
    const fit = Math.min(width / naturalWidth, height / naturalHeight);
    this.scale = this.isClose ? Math.max(1, CLOSER * fit) : fit;
    const [wide, high] = [naturalWidth * this.scale, naturalHeight * this.scale];
    const left = place(width, wide, this.middle[0]);
    const top = place(height, high, this.middle[1]);
    Object.assign(this.pair.style, { left: `${left}px`, top: `${top}px`, width: `${wide}px`, height: `${high}px` });
    this.seen = [Math.max(0, left), Math.min(width, left + wide)];
    const line = this.seen[0] + this.at * (this.seen[1] - this.seen[0]);
    before.style.clipPath = `inset(0 ${wide - (line - left)}px 0 0)`;
    this.line.style.left = `${line}px`;
    this.line.ariaValueNow = String(Math.round(100 * this.at));
    this.line.ariaValueText = `${Math.round(100 * this.at)} percent before`;
  }

  moveTo(at) {
    this.at = limited(at, 0, 1);
    this.lay();
  }

  toggle() {
    this.isClose = !this.isClose;
    this.closer.ariaPressed = String(this.isClose);
    this.classList.toggle("is-close", this.isClose);
    this.pair.tabIndex = this.isClose ? 0 : -1;
    this.lay();
  }

  key(event) {
    const by = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP, PageDown: -STRIDE, PageUp: STRIDE, Home: -1, End: 1 };
    if (!(event.key in by) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // the page's own arrow keys go through the results
    this.moveTo(this.at + by[event.key]);
  }

  pan(event) {
    const by = { ArrowLeft: [-PAN, 0], ArrowRight: [PAN, 0], ArrowUp: [0, -PAN], ArrowDown: [0, PAN] }[event.key];
    if (!by || !this.isClose) return;
    event.preventDefault();
    event.stopPropagation();
    this.shift(...by);
  }

  /** Move what is seen by so many pixels of the screen. */
  shift(right, down) {
    const { width, height } = this.pair.getBoundingClientRect();
    const [x, y] = this.middle;
    const half = [this.clientWidth / width / 2, this.clientHeight / height / 2];
    this.middle = [limited(x + right / width, half[0], 1 - half[0]), limited(y + down / height, half[1], 1 - half[1])];
    this.lay();
  }

  grab(event) {
    if (event.target === this.closer || event.button) return;
    const isLine = !this.isClose || event.target === this.line;
    this.held = { isLine, x: event.clientX, y: event.clientY };
    this.setPointerCapture(event.pointerId);
    if (isLine) this.line.focus({ preventScroll: true });
    this.drag(event);
  }

  drag(event) {
    if (!this.held) return;
    if (this.held.isLine) {
      const [from, to] = this.seen ?? [0, this.clientWidth];
      this.moveTo((event.clientX - this.getBoundingClientRect().left - from) / (to - from));
      return;
    }
    this.shift(this.held.x - event.clientX, this.held.y - event.clientY);
    Object.assign(this.held, { x: event.clientX, y: event.clientY });
  }
}

/** Where a picture begins in a box: in its middle if it is smaller, else so that `middle` of it is seen there. */
function place(box, picture, middle) {
  return picture <= box ? (box - picture) / 2 : limited(box / 2 - middle * picture, box - picture, 0);
}

customElements.define("taffy-compare", Compare);
