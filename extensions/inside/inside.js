// <taffy-inside>: the steps of a finished picture, and other ways from any of them.

import { arrange, element } from "/taffy/elements.js";
import { pictures } from "/taffy/pictures.js";
import { post, read } from "/taffy/source-upload.js";
import { view, watch } from "/taffy/view.js";
import { Branching } from "./branching.js";
import { Carrying } from "./carrying.js";
import { Latents } from "./latents.js";
import { lines } from "./lines.js";
import { Opening } from "./opening.js";
import { Original } from "./original.js";
import { Panels } from "./panels.js";
import { Tour } from "./tour.js";
import { Vae } from "./vae.js";
import { Weights } from "./weights.js";
import { Words } from "./words.js";

const AT_REST = 250; // milliseconds without a move, after which the step is decoded as a whole
const SHOWN = 40; // pictures to choose from
const url = (path, values = {}) => `/extensions/inside/api/${path}?${new URLSearchParams(values)}`;

/** The picture somebody wants to see inside of, from "#inside=<id>". */
const wanted = () => new URLSearchParams(location.hash.slice(1)).get("inside");

class Inside extends HTMLElement {
  connectedCallback() {
    this.canvas = element("canvas", { className: "inside-overlay", hidden: true, ariaHidden: "true" });
    const stage = { url, canvas: this.canvas };
    this.panels = new Panels([new Branching((changes) => this.branch(changes)), new Words(stage), new Latents(stage), new Weights(stage), new Vae(stage), new Carrying(stage), new Original(stage)]);
    this.choice = element("ul", { className: "inside-choice", ariaLabel: "Your pictures, newest first" });
    this.said = element("p", { className: "taffy-outcome", role: "status" });
    const opening = new Opening(url, (id, note) => this.open(id, note), (text) => this.say(text));
    opening.over(this);
    this.tour = new Tour({ url, panels: this.panels, ready: () => this.ready(), go: (step) => this.go(step), steps: () => this.known.sigmas.length });
    this.replaceChildren(this.head(), opening.root, this.choice, this.said, this.tour.root, this.room());
    this.end = watch(() => this.follow());
    addEventListener("hashchange", this.called);
    this.called();
  }

  disconnectedCallback() {
    this.end();
    removeEventListener("hashchange", this.called);
  }

  head() {
    const words = "Every picture begins as noise. At each step the network says what it takes the finished picture to be. Look at what it said, and go another way from there.";
    return element("div", { className: "inside-head" }, element("h2", {}, "Inside"), element("p", {}, words), this.tour.button);
  }

  room() {
    this.image = element("img", { alt: "" });
    this.words = element("figcaption");
    this.slider = element("input", { type: "range", min: 1, max: 1, value: 1, id: "inside-step", oninput: () => this.moved() });
    this.play = element("button", { type: "button", onclick: () => this.playing() }, "Play");
    const label = element("label", { htmlFor: "inside-step" }, "Step");
    const bar = element("div", { className: "inside-bar" }, label, this.slider, this.play);
    this.kin = element("div", { className: "inside-kin" });
    const frame = element("div", { className: "inside-frame" }, this.image, this.canvas);
    const seen = element("div", { className: "inside-seen" }, element("figure", {}, frame, this.words), bar, this.kin);
    this.inside = element("div", { className: "inside-room", hidden: true }, seen, this.panels.root);
    return this.inside;
  }

  called = () => {
    const id = wanted();
    if (!id) return;
    history.replaceState(null, "", location.pathname + location.search);
    this.open(id);
  };

  /** The list of pictures is the server's; the newest is opened when the tab is looked at first. */
  follow() {
    if (!view.state) return;
    const made = pictures(view.state).slice(0, SHOWN);
    arrange(this.choice, made, ({ id }) => id, (picture) => this.offer(picture), (item, { id }) => this.mark(item, id));
    const branched = made.find(({ job }) => job.id === this.waiting);
    if (branched) this.arrived(branched);
    const failed = view.state.recent.find(({ id, state }) => id === this.waiting && state !== "done");
    if (failed) this.gone(failed);
  }

  offer({ id, url, prompt, seed }) {
    const name = `${prompt || "Picture without words"}, seed ${seed}`;
    const image = element("img", { src: url, alt: name, loading: "lazy" });
    return element("li", {}, element("button", { type: "button", title: name, onclick: () => this.open(id) }, image));
  }

  mark(item, id) {
    item.firstChild.setAttribute("aria-pressed", String(id === this.id));
  }

  arrived({ id }) {
    this.waiting = null;
    this.open(id, "This is where the other way led.");
  }

  gone({ error, advice, state }) {
    this.waiting = null;
    this.say([error || `The other way was ${state}`, advice].filter(Boolean).join("; "));
  }

  say(text) {
    this.said.textContent = text;
  }

  async open(id, greeting = "") {
    this.id = id;
    this.stop();
    for (const item of this.choice.children) this.mark(item, item.dataset.key);
    this.say("Reading its steps …");
    try {
      const known = await read(url("steps", { picture: id }));
      if (id !== this.id) return;
      this.show(known, greeting);
    } catch (error) {
      if (id !== this.id) return;
      this.inside.hidden = true;
      this.say(error.message);
    }
  }

  show(known, greeting) {
    this.known = known;
    this.quick = [];
    this.whole = [];
    this.inside.hidden = false;
    this.slider.max = known.sigmas.length;
    this.slider.value = known.sigmas.length;
    this.image.style.aspectRatio = `${known.width} / ${known.height}`;
    this.image.parentElement.style.setProperty("--ratio", known.width / known.height);
    this.say(greeting);
    this.panels.know(known);
    this.moved();
    this.readQuick(known.id);
    this.readKin(known.id);
  }

  /** Whether a picture is open; the newest is opened if none is. */
  async ready() {
    const newest = this.choice.firstElementChild?.dataset.key;
    if (this.inside.hidden && newest) await this.open(newest);
    if (!newest) this.say("Make a picture first: the tour is about yours.");
    return !this.inside.hidden;
  }

  /** Show a step, 1 to all. */
  go(step) {
    this.stop();
    this.slider.value = step;
    this.moved();
  }

  /** The step that is shown, 1 to all. */
  get step() {
    return Number(this.slider.value);
  }

  moved() {
    const { sigmas, passes, prompt } = this.known;
    const second = passes.length > 1 && this.step > passes[0] ? ", in the second, finer pass" : "";
    const place = `Step ${this.step} of ${sigmas.length}`;
    this.slider.setAttribute("aria-valuetext", place);
    this.image.alt = `${place}: ${prompt}`;
    this.noise = `${place}${second} · noise before it ${Number(sigmas[this.step - 1].toPrecision(3))}`;
    this.panels.at(this.step);
    this.draw();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rested(), AT_REST);
  }

  draw() {
    const whole = this.whole[this.step];
    const src = whole ?? this.quick[this.step];
    if (src) this.image.src = src;
    else this.image.removeAttribute("src");
    this.image.dataset.look = whole ? "whole" : src ? "quick" : "none";
    this.words.textContent = `${this.noise} · ${whole ? "as the VAE paints it" : "quick look"}`;
  }

  /** Nobody moves: the step as the VAE paints it. */
  async rested() {
    const { step, id } = this;
    if (this.whole[step] || this.timer) return;
    try {
      for await (const told of lines(url("looks", { picture: id, step: step - 1 }))) {
        if (id !== this.id) return;
        this.whole[step] = told.src;
        if (step === this.step) this.draw();
      }
    } catch (error) {
      if (id === this.id) this.say(error.message);
    }
  }

  async readQuick(id) {
    try {
      for await (const { step, src } of lines(url("looks", { picture: id }))) {
        if (id !== this.id) return;
        this.quick[step + 1] = src;
        if (step + 1 === this.step) this.draw();
      }
    } catch (error) {
      if (id === this.id) this.say(error.message);
    }
  }

  playing() {
    if (this.timer) return this.stop();
    this.play.textContent = "Stop";
    if (this.step === this.known.sigmas.length) this.slider.value = 0;
    const next = () => {
      this.slider.stepUp();
      if (this.step === this.known.sigmas.length) this.stop();
      this.moved();
    };
    this.timer = setInterval(next, Math.max(60, 3000 / this.known.sigmas.length));
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "Play";
  }

  /** What it was made from, and what left its way. */
  async readKin(id) {
    const { ancestors, children } = await read(`/pictures/${encodeURIComponent(id)}/history`).catch(() => ({ ancestors: [], children: [] }));
    if (id !== this.id) return;
    const row = (title, kin) => (kin.length ? [element("h3", {}, title), element("ul", { className: "inside-choice" }, ...kin.map((one) => this.offer({ ...one, prompt: one.origin })))] : []);
    this.kin.replaceChildren(...row("Its way was left from", ancestors), ...row("Other ways from here", children));
  }

  async branch(changes) {
    const { id } = await post("/extensions/inside/api/branch", { picture: this.id, step: this.step, ...changes });
    this.waiting = id;
    this.say("The other way is in the queue; it opens here when it is done.");
    this.follow();
  }
}

customElements.define("taffy-inside", Inside);
