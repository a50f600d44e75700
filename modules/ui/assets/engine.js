// What the engine is doing: a word in the header, and a bar while something large is fetched.

import { Drawn } from "./drawn.js";
import { bytes, duration, element } from "./elements.js";
import { view } from "./view.js";

const WORDS = {
  starting: "The engine is starting",
  installing: "The engine is being installed",
  ready: "Ready",
  busy: "Working",
  restarting: "The engine is being restarted",
  failed: "The engine does not run",
};

class Engine extends Drawn {
  build() {
    this.words = element("span", { role: "status" });
    this.amount = element("span");
    this.bar = element("progress", { max: 1, ariaLabel: "Fetched" });
    this.fetched = element("span", { className: "taffy-fetched" }, this.amount, this.bar);
    this.append(element("span", { className: "taffy-dot", ariaHidden: "true" }), this.words, this.fetched);
  }

  draw() {
    const worker = view.connected === false ? { state: "failed", message: "No connection" } : view.state?.worker;
    if (!worker) return;
    this.dataset.state = worker.state;
    const words = worker.message || WORDS[worker.state];
    if (this.words.textContent !== words) this.words.textContent = words;
    const left = worker.seconds_left ? `, ${duration(worker.seconds_left)} left` : "";
    this.amount.textContent = worker.total ? `${bytes(worker.done, worker.total)}${left}` : "";
    this.fetched.hidden = !worker.total;
    this.bar.value = worker.total ? worker.done / worker.total : 0;
  }
}

customElements.define("taffy-engine", Engine);
