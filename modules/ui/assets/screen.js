// One picture after the other in one place, without blinking.

import { element } from "./elements.js";

/** Two images on top of each other: the next one is decoded out of sight, so that the picture never blinks.

While one is decoded only the newest of those that come is kept: whoever is slow skips frames and is never late. */
export class Screen {
  constructor(box) {
    this.images = [0, 1].map(() => element("img", { alt: "", draggable: false }));
    box.append(...this.images);
    this.front = 0;
    this.waiting = null;
    this.busy = false;
  }

  async show(picture) {
    this.waiting = picture;
    if (this.busy) return;
    this.busy = true;
    while (this.waiting) {
      const { src, alt } = this.waiting;
      this.waiting = null;
      const back = this.images[1 - this.front];
      if (this.images[this.front].getAttribute("src") === src) continue;
      Object.assign(back, { src, alt });
      await back.decode().catch(() => {}); // browsers give up decoding ahead for reasons of their own, and show it all the same
      this.swap();
    }
    this.busy = false;
  }

  swap() {
    const [old, now] = [this.images[this.front], this.images[1 - this.front]];
    now.classList.add("front");
    old.classList.remove("front");
    old.alt = "";
    this.front = 1 - this.front;
  }
}
