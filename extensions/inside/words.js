// Where each word of the prompt looked: hover it, focus it, or press it to keep it.

import { element } from "/taffy/elements.js";
import { bytesOf, heat, placeOf } from "./heat.js";
import { post } from "/taffy/source-upload.js";
import { lines } from "./lines.js";

const UNWATCHED = "Nobody watches the words of this picture. They can be watched from the next step on, which takes a few percent longer, or all of them when it is done.";

export class Words {
  id = "words";
  label = "Words";
  live = true;

  /** stage: {url(path, values), canvas over the picture, say(text)} */
  constructor(stage) {
    this.stage = stage;
    this.list = element("ul", { className: "inside-words", ariaLabel: "Words of the prompt" });
    this.single = element("input", { type: "checkbox", id: "inside-words-single", onchange: () => this.draw() });
    const single = element("label", { htmlFor: "inside-words-single", className: "inside-check" }, this.single, "Only at the step that is shown");
    this.told = element("p", { className: "inside-told", role: "status" });
    this.make = element("button", { type: "button", className: "taffy-go", hidden: true, onclick: () => this.read(true) }, "Look where the words look");
    this.begin = element("button", { type: "button", className: "taffy-go", hidden: true, onclick: () => this.watching() }, "Watch the words from now on");
    this.shown = element("div", { className: "inside-shown", hidden: true }, single, this.list);
    const hint = "At every step each place of the picture asks the words what belongs there. Point at a word to see which places listened to it.";
    this.root = element("section", {}, element("h3", {}, "Where the words looked"), element("p", {}, hint), this.make, this.begin, this.shown, this.told);
  }

  /** A picture that is done keeps what was seen while it was made. */
  know(known) {
    const same = known.way === this.known?.way;
    this.known = known;
    this.whole = false;
    known.watched ||= known.job === this.asked; // which lasts for all pictures of a job
    this.begin.hidden = !known.live || known.watched;
    if (!same) this.forget();
  }

  forget() {
    this.steps = [];
    this.keys = [];
    this.pinned = this.pointed = null;
    this.list.replaceChildren();
    this.shown.hidden = this.make.hidden = true;
    this.told.textContent = "";
    this.draw();
  }

  at(step) {
    this.step = step;
    if (this.single.checked) this.draw();
  }

  opened() {
    if (this.known.live && !this.known.watched) this.told.textContent = UNWATCHED;
    else if (!this.known.live && !this.whole && this.reading !== this.known.id) this.read(false);
    this.draw();
  }

  /** Of a picture that is being made. */
  async watching() {
    const { known } = this;
    this.begin.hidden = true;
    try {
      await post(this.stage.url("watch"), { job: known.job });
      known.watched = true;
      this.asked = known.job;
      if (known === this.known) this.told.textContent = "The words are watched from the next step on.";
    } catch (error) {
      if (known === this.known) this.told.textContent = error.message;
    }
  }

  grown(words) {
    for (const line of words) this.add(line);
  }

  closed() {
    this.pinned = this.pointed = null;
    this.mark();
    this.draw();
  }

  async read(make) {
    const { known } = this;
    this.reading = known.id;
    this.make.hidden = true;
    if (make) this.told.textContent = "Waiting for the engine …";
    try {
      for await (const told of lines(this.stage.url("words", { picture: known.id, ...(make && { make: 1 }) }))) {
        if (known !== this.known) return;
        if (told.missing) this.offer();
        else this.add(told);
      }
      this.whole = this.make.hidden; // else nobody has looked yet
    } catch (error) {
      if (known === this.known) this.told.textContent = error.message;
    } finally {
      if (this.reading === known.id) this.reading = null;
    }
  }

  offer() {
    this.make.hidden = false;
    this.told.textContent = "Nobody has looked yet. For that the picture is made once more, which takes about as long as it took.";
  }

  /** The maps of a step. */
  add({ step, words, grid, scale, maps }) {
    const bytes = bytesOf(maps);
    const size = grid[0] * grid[1];
    const found = new Map();
    const seen = {};
    words.forEach(([part, word], at) => {
      const name = `${part}:${word}`;
      seen[name] = (seen[name] ?? 0) + 1;
      found.set(`${name}:${seen[name]}`, bytes.subarray(at * size, (at + 1) * size));
    });
    this.steps[step + 1] = { grid, scale, found };
    for (const key of found.keys()) if (!this.keys.includes(key)) this.offerWord(key);
    this.shown.hidden = !this.keys.length;
    const done = this.steps.filter(Boolean).length;
    const all = this.known.live ? "the steps so far" : `${this.known.sigmas.length} steps`;
    this.changed?.();
    this.told.textContent = this.known.live || done < this.known.sigmas.length ? `${done} of ${all} looked at` : "";
    this.draw();
  }

  offerWord(key) {
    const [part, word] = key.split(":");
    const point = (to) => {
      this.pointed = to;
      this.draw();
    };
    const button = element("button", { type: "button", onpointerenter: () => point(key), onpointerleave: () => point(null), onfocus: () => point(key), onblur: () => point(null), onclick: () => this.pin(key) }, word);
    const item = element("li", {}, button);
    item.dataset.key = key;
    const before = this.keys.at(-1)?.split(":")[0];
    if (before !== undefined && before !== part) this.list.append(element("li", { className: "inside-and" }, "AND"));
    this.keys.push(key);
    this.list.append(item);
    this.mark();
  }

  pin(key) {
    this.pinned = this.pinned === key ? null : key;
    this.mark();
    this.draw();
  }

  mark() {
    for (const item of this.list.querySelectorAll("[data-key]")) {
      item.firstChild.setAttribute("aria-pressed", String(item.dataset.key === this.pinned));
    }
  }

  /** Shares of a word, of one step or added up over all, from 0 (the least) to 1 (the most); null where it was not. */
  shares(key) {
    const steps = (this.single.checked ? [this.steps[this.step]] : this.steps).filter((one) => one?.found.has(key));
    if (!steps.length) return null;
    const sums = new Float32Array(steps[0].found.get(key).length);
    for (const { scale, found } of steps) found.get(key).forEach((level, at) => (sums[at] += level * scale));
    const [least, most] = [Math.min(...sums), Math.max(...sums)];
    return { grid: steps[0].grid, shares: sums.map((sum) => (sum - least) / (most - least || 1)) };
  }

  draw() {
    const { canvas } = this.stage;
    const key = this.pointed ?? this.pinned;
    const found = key && this.shares(key);
    canvas.hidden = !found;
    canvas.dataset.word = found ? key.split(":")[1] : "";
    if (!key) return;
    const word = key.split(":")[1];
    const when = this.single.checked ? `at step ${this.step}` : "over all steps";
    if (!found) {
      this.told.textContent = `“${word}” was not asked ${when}.`;
      return;
    }
    heat(canvas, found.grid, found.shares);
    this.told.textContent = `“${word}” was heard most in ${placeOf(found.grid, found.shares)}, ${when}.`;
  }
}
