// How much each word weighs: the same seed without it, ranked by how far the picture moves.

import { arrange, element } from "/taffy/elements.js";
import { post, read } from "/taffy/source-upload.js";
import { watch } from "/taffy/view.js";

const LIVING = ["waiting", "running"];

export class Weights {
  id = "weights";
  label = "Word weights";

  constructor(stage) {
    this.stage = stage;
    this.turn = 0; // of what was asked last
    this.words = element("fieldset", { className: "inside-leave" });
    this.go = element("button", { type: "button", className: "taffy-go", onclick: () => this.weigh() });
    this.end = element("button", { type: "button", className: "taffy-act", hidden: true, onclick: () => this.ask("weigh-stop") }, "Stop them");
    this.told = element("p", { className: "inside-told", role: "status" });
    this.list = element("ol", { className: "inside-ranked", ariaLabel: "Words, those that change most first" });
    const hint = "The same noise, the same steps, one word less. What moves the picture far is what the picture hangs on.";
    const bar = element("div", { className: "inside-bar" }, this.go, this.end);
    this.root = element("section", {}, element("h3", {}, "What each word weighs"), element("p", {}, hint), this.words, bar, this.told, this.list);
  }

  know(known) {
    this.known = known;
    this.turn += 1; // what is on its way is about another picture
    this.living = false;
    this.words.replaceChildren();
    this.list.replaceChildren();
    this.told.textContent = "";
  }

  opened() {
    this.read();
    this.ended ??= watch(() => this.living && this.read());
  }

  closed() {
    this.ended?.();
    this.ended = null;
  }

  /** The newest of the server; what is asked for while an answer is on its way is read after it. */
  async read() {
    this.again = true;
    if (this.reading) return;
    this.reading = true;
    while (this.again) {
      this.again = false;
      await this.take(read(this.stage.url("weights", { picture: this.known.id })));
    }
    this.reading = false;
  }

  /** Show an answer, unless something was asked after it; whether it was one. */
  async take(answer) {
    const turn = (this.turn += 1);
    try {
      const found = await answer;
      if (turn === this.turn) this.show(found);
      return true;
    } catch (error) {
      if (turn === this.turn) this.told.textContent = error.message;
      return false;
    }
  }

  weigh() {
    const words = [...this.words.querySelectorAll("input:checked")].map((box) => Number(box.value));
    return this.ask("weigh", { words });
  }

  async ask(path, values = {}) {
    this.go.disabled = true;
    const heard = await this.take(post(this.stage.url(path), { picture: this.known.id, ...values }));
    this.count();
    if (heard) await this.read(); // one may have ended while this answer was on its way
  }

  show({ words, left }) {
    if (!this.words.children.length) this.offer(words);
    const done = left.filter(({ distance }) => distance !== null).sort((one, other) => other.distance - one.distance);
    const rest = left.filter(({ distance }) => distance === null);
    this.living = rest.some(({ state }) => LIVING.includes(state));
    this.end.hidden = !this.living;
    const most = Math.max(1, ...done.map(({ distance }) => distance));
    arrange(this.list, [...done, ...rest], ({ place, job }) => `${place}-${job}`, () => element("li"), (item, one) => this.draw(item, one, most));
    this.told.textContent = this.living ? `${done.length} of ${left.length} pictures are made` : "";
    this.count();
  }

  offer(words) {
    const boxes = words.map(({ word, usual }, at) => element("label", {}, element("input", { type: "checkbox", value: at, checked: usual, onchange: () => this.count() }), word));
    this.words.replaceChildren(element("legend", {}, "Leave out, one at a time"), ...boxes);
  }

  count() {
    const chosen = this.words.querySelectorAll("input:checked").length;
    this.go.disabled = !chosen || this.living;
    this.go.textContent = `Make it again without each: ${chosen} picture${chosen === 1 ? "" : "s"}`;
  }

  draw(item, one, most) {
    const known = `${one.state} ${one.picture} ${one.distance} ${most}`;
    if (item.dataset.known === known) return;
    item.dataset.known = known;
    const head = element("p", {}, "without ", element("strong", {}, one.word), `: ${said(one)}`);
    if (one.distance === null) return item.replaceChildren(head);
    const bar = element("meter", { min: 0, max: most, value: one.distance, ariaLabel: `How far the picture moved without ${one.word}` });
    const pair = element("div", { className: "inside-three" }, shown(`/pictures/${this.known.id}`, "with it"), shown(`/pictures/${one.picture}`, "without it"), shown(one.map, "where they differ"));
    item.replaceChildren(head, bar, pair);
  }
}

function said({ state, error, distance }) {
  if (distance !== null) return `colours moved by ${distance.toFixed(1)}`;
  return error || { waiting: "waits in the queue", running: "is being made", cancelled: "was stopped" }[state] || state;
}

function shown(src, words) {
  return element("figure", {}, element("img", { src, alt: words, loading: "lazy" }), element("figcaption", {}, words));
}
