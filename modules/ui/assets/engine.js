// The header: what the engine is doing, the checkpoint it has loaded, memory, and a bar while something is fetched.

import { Drawn } from "./drawn.js";
import { bytes, duration, element } from "./elements.js";
import { openKeys } from "./keys.js";
import { openMemory } from "./memory.js";
import { peopleButton } from "./people.js";
import { view } from "./view.js";

const MEMORY_MS = 5000;
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
    this.fetched = element("span", { className: "taffy-fetched", hidden: true }, this.amount, this.bar);
    this.checkpoint = element("span", { className: "taffy-loaded" });
    this.amountHeld = element("span");
    const word = element("span", { className: "taffy-wide" }, "memory ");
    const title = "Memory that Taffy holds, of all this computer has; press for more";
    const open = { type: "button", className: "taffy-memory", title, hidden: true, onclick: () => openMemory(this.held) };
    this.memory = element("button", open, word, this.amountHeld);
    const dot = element("span", { className: "taffy-dot", ariaHidden: "true" });
    const does = element("span", { className: "taffy-does" }, dot, this.words, this.fetched);
    const ask = { type: "button", className: "taffy-ask", ariaLabel: "Keys", title: "Keys (?)", onclick: openKeys };
    this.append(does, this.checkpoint, this.memory, peopleButton(), element("button", ask, "?"));
    this.clock = setInterval(() => this.drawMemory(), MEMORY_MS);
    this.drawMemory();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.clock);
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
    const checkpoint = view.connected !== false && view.state?.checkpoint;
    this.checkpoint.textContent = checkpoint || "";
    this.checkpoint.title = checkpoint ? `Loaded checkpoint: ${checkpoint}` : "";
  }

  /** On a clock of its own: it changes while nothing else is new. */
  async drawMemory() {
    if (document.visibilityState !== "visible") return;
    const answer = await fetch("/memory").catch(() => null); // the stream says when the server is away
    const memory = (this.held = answer?.ok ? await answer.json() : null);
    this.memory.hidden = !memory;
    this.amountHeld.textContent = memory ? bytes(memory.used, memory.total) : "";
  }
}

customElements.define("taffy-engine", Engine);
