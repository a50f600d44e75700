// Play: runs through the steps of a slider.

import { element } from "/taffy/elements.js";

const WAY_MS = 3000; // all steps together
const SHOT_MS = 60; // at least, for one

export class Player {
  /** moved(): the slider stands elsewhere. */
  constructor(slider, moved) {
    Object.assign(this, { slider, moved, timer: null });
    this.button = element("button", { type: "button", className: "taffy-act", onclick: () => (this.timer ? this.stop() : this.play()) }, "Play");
  }

  play() {
    const { slider } = this;
    this.button.textContent = "Stop";
    if (slider.value === slider.max) slider.value = slider.min;
    this.moved();
    const next = () => {
      slider.stepUp();
      if (slider.value === slider.max) this.stop();
      this.moved();
    };
    this.timer = setInterval(next, Math.max(SHOT_MS, WAY_MS / slider.max));
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.textContent = "Play";
  }
}
