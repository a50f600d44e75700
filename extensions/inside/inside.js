// <taffy-inside>: the steps of a picture, made or in the making, and other ways from any of them.

import { element } from "/taffy/elements.js";
import { pictures } from "/taffy/pictures.js";
import { post, read } from "/taffy/source-upload.js";
import { view, watch } from "/taffy/view.js";
import { Branching } from "./branching.js";
import { Carrying } from "./carrying.js";
import { Choice, LIVE } from "./choice.js";
import { Following } from "./following.js";
import { kinOf } from "./kin.js";
import { Latents } from "./latents.js";
import { lines } from "./lines.js";
import { Opening } from "./opening.js";
import { Original } from "./original.js";
import { Panels } from "./panels.js";
import { Player } from "./player.js";
import { Tour } from "./tour.js";
import { Vae } from "./vae.js";
import { Weights } from "./weights.js";
import { Words } from "./words.js";

const AT_REST = 250; // milliseconds without a move, after which the step is decoded as a whole
const OVER = ["failed", "cancelled"];
const url = (path, values = {}) => `/extensions/inside/api/${path}?${new URLSearchParams(values)}`;

/** What somebody wants to see inside of: {inside: a picture's id} or {"inside-job": a running job's}. */
const wanted = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

class Inside extends HTMLElement {
  connectedCallback() {
    this.classList.add("taffy-own");
    this.canvas = element("canvas", { className: "inside-overlay", hidden: true, ariaHidden: "true" });
    const stage = { url, canvas: this.canvas };
    this.panels = new Panels([new Branching((changes) => this.branch(changes)), new Words(stage), new Latents(stage), new Weights(stage), new Vae(stage), new Carrying(stage), new Original(stage)]);
    this.choice = new Choice((id) => this.open(id), () => this.begin(view.state.running?.id));
    this.said = element("p", { className: "taffy-outcome", role: "status" });
    this.opening = new Opening(url, (id, note) => this.open(id, note), (text) => this.say(text));
    this.opening.over(this);
    this.tour = new Tour(this.tourStage());
    this.following = new Following(url, (told) => this.heard(told), (error) => this.say(error.message));
    for (const kind of ["pointerdown", "keydown"]) this.addEventListener(kind, () => (this.touched = true));
    this.replaceChildren(this.head(), this.choice.root, this.said, this.tour.root, this.room());
    addEventListener("hashchange", this.called);
    this.called();
    this.end = watch((kind) => kind === "state" && this.follow());
    this.looked = new IntersectionObserver(() => this.follow());
    this.looked.observe(this);
  }

  disconnectedCallback() {
    this.end();
    this.looked.disconnect();
    this.following.end();
    removeEventListener("hashchange", this.called);
  }

  /** What the tour may do here. */
  tourStage() {
    return {
      url,
      panels: this.panels,
      known: () => this.known,
      ready: () => this.ready(),
      go: (step) => this.go(step),
      play: () => this.player.play(),
      say: (text) => this.say(text),
      touring: (stop) => (stop ? (this.dataset.tour = stop) : delete this.dataset.tour),
      room: () => this.inside,
    };
  }

  head() {
    const words = "Every picture begins as noise. Step by step a program that was trained on pictures says what it takes it for, until it is clear. Here you see every step of yours, and can go another way from any of them.";
    return element("div", { className: "inside-head" }, element("h2", {}, "Inside"), element("p", {}, words), element("div", { className: "inside-ways" }, this.tour.button, this.opening.root));
  }

  room() {
    this.image = element("img", { alt: "" });
    this.words = element("figcaption");
    this.slider = element("input", { type: "range", min: 1, max: 1, value: 1, id: "inside-step", oninput: () => this.moved() });
    this.player = new Player(this.slider, () => this.moved());
    const label = element("label", { htmlFor: "inside-step" }, "Step");
    const bar = element("div", { className: "inside-bar" }, label, this.slider, this.player.button);
    this.kin = element("div", { className: "inside-kin" });
    const frame = element("div", { className: "inside-frame" }, this.image, this.canvas);
    const seen = element("div", { className: "inside-seen" }, element("figure", {}, frame, this.words), bar, this.kin);
    this.inside = element("div", { className: "inside-room", hidden: true }, seen, this.panels.root);
    return this.inside;
  }

  called = () => {
    const { inside, "inside-job": job } = wanted();
    if (!inside && !job) return;
    history.replaceState(null, "", location.pathname + location.search);
    if (inside) this.open(inside);
    else this.begin(job);
  };

  /** The list of pictures is the server's; what is made now, else the newest, is opened when the tab is looked at first. */
  follow() {
    if (!view.state) return;
    const [made, { running }] = [pictures(view.state), view.state];
    this.choice.draw(made, running);
    if (!this.offsetParent) return; // another tab is looked at
    this.following.ring();
    if (running && running.id === this.waiting && !this.following.way) this.begin(running.id);
    else if (!this.id && running) this.begin(running.id);
    else if (!this.id && made.length) this.open(made[0].id);
    else if (!this.id) this.say(view.state.waiting.length ? "Your picture waits for the engine. You will see it come out of the noise here." : "There is no picture yet. Make one under txt2img; its steps are shown here while it is made.");
    const branched = made.find(({ job }) => job.id === this.waiting);
    if (branched) this.arrived(branched.id);
    const failed = view.state.recent.find(({ id, state }) => id === this.waiting && state !== "done");
    if (failed) this.gone(failed);
  }

  arrived(id) {
    this.waiting = null;
    this.open(id, "This is where the other way led.");
  }

  gone({ error, advice, state }) {
    this.waiting = null;
    this.say([error || `The other way was ${state}`, advice].filter(Boolean).join("; "));
  }

  say(text) {
    if (this.said.textContent !== text) this.said.textContent = text;
  }

  choose(id) {
    this.id = id;
    this.choice.press(id);
  }

  /** Follow a job that runs. */
  begin(job) {
    if (!job) return; // it has just ended
    this.player.stop();
    this.choose(LIVE.id);
    this.touched = false;
    this.inside.hidden = !this.known?.way.startsWith(`${job} `); // what is shown is of another one
    this.say("This picture is being made. Its steps come as they are done …");
    this.following.begin(job);
  }

  /** What is new of the job that is followed. */
  heard(told) {
    if (told.picture) this.arrives(told);
    else if (told.steps.length) this.grow(told, `${told.known.job} ${told.seed}`);
    else if (!told.known.kept) this.say("Steps are not kept: that is switched off under Extensions, inside.");
    if (OVER.includes(told.state)) this.broken(told);
    if (told.state === "done") this.following.end();
  }

  /** The picture that is followed is there. The next one of its job is followed if nobody has touched anything. */
  arrives({ picture, seed, newest, known }) {
    if (newest > seed && !this.touched) return this.begin(known.job);
    if (this.id !== LIVE.id) return;
    if (known.job === this.waiting) return this.arrived(picture);
    const { way } = this.following;
    this.open(picture, "The picture is done. Now all of it can be used.");
    this.following.way = way;
  }

  grow({ seed, known, steps, looks, words, start }, way) {
    const begins = this.known?.way !== way;
    if (begins) this.show({ ...known, way, seed, start, live: true, sigmas: [], passes: [] }, "This picture is being made. Its steps come as they are done.");
    const { sigmas } = this.known;
    const newest = begins || this.step === sigmas.length; // else somebody looks at an earlier one
    for (const [step, sigma] of steps) sigmas[step] = sigma;
    for (const [step, src] of looks) this.quick[step + 1] = src;
    this.slider.max = sigmas.length;
    if (newest) this.slider.value = sigmas.length;
    this.panels.grown(words);
    this.moved();
  }

  broken({ state, why }) {
    this.following.end();
    this.say(`${why || (state === "cancelled" ? "This picture was stopped" : "This picture failed")}. Its steps are not kept.`);
  }

  async open(id, greeting = "") {
    this.choose(id);
    this.following.end();
    this.player.stop();
    this.say("Reading its steps …");
    try {
      const known = await read(url("steps", { picture: id }));
      if (id !== this.id) return;
      if (known.missing) throw new Error(known.missing);
      this.show(known, greeting);
    } catch (error) {
      if (id !== this.id) return;
      this.inside.hidden = true;
      this.say(error.message);
    }
  }

  show(known, greeting) {
    const same = known.way === this.known?.way; // it was looked at while it was made
    const place = same && this.step < this.known.sigmas.length ? this.step : known.sigmas.length;
    this.known = known;
    this.quick = same ? this.quick : [];
    this.whole = [];
    this.inside.hidden = false;
    this.slider.max = known.sigmas.length || 1;
    this.slider.value = place;
    this.image.style.aspectRatio = `${known.width} / ${known.height}`;
    this.image.parentElement.style.setProperty("--ratio", known.width / known.height);
    this.say(greeting);
    this.panels.know(known);
    if (known.live) return this.kin.replaceChildren();
    this.moved();
    this.readQuick(known.id);
    this.readKin(known.id);
    if (this.due) this.tour.begin();
  }

  /** Whether a finished picture is open; the newest is opened if none is. */
  async ready() {
    this.due = this.id === LIVE.id;
    if (this.due) this.say("The tour begins when this picture is done.");
    if (this.due) return false;
    const newest = view.state && pictures(view.state)[0]?.id;
    if (this.inside.hidden && newest) await this.open(newest);
    if (!newest) this.say("The tour is about a picture of yours: make one first, under txt2img.");
    return !this.inside.hidden;
  }

  /** Show a step, 1 to all. */
  go(step) {
    this.player.stop();
    this.slider.value = step;
    this.moved();
  }

  /** The step that is shown, 1 to all. */
  get step() {
    return Number(this.slider.value);
  }

  moved() {
    const { sigmas, passes, prompt, live } = this.known;
    const second = passes.length > 1 && this.step > passes[0] ? ", in the second, finer pass" : "";
    const all = live ? Math.max(sigmas.length, view.state.running?.steps ?? 0) : sigmas.length;
    const place = `Step ${this.step} of ${all}`;
    this.slider.setAttribute("aria-valuetext", place);
    this.image.alt = `${place}: ${prompt}`;
    const sigma = sigmas[this.step - 1];
    this.noise = `${place}${second}${sigma === undefined ? "" : ` · noise before it ${Number(sigma.toPrecision(3))}`}`;
    this.panels.at(this.step);
    this.draw();
    clearTimeout(this.resting);
    const { id } = this;
    if (!live) this.resting = setTimeout(() => this.rested(id), AT_REST);
  }

  draw() {
    const whole = this.whole[this.step];
    const near = this.quick.findLastIndex((look, step) => look && step <= this.step); // not every step has one at once
    const src = whole ?? this.quick[near];
    if (src) this.image.src = src;
    else this.image.removeAttribute("src");
    this.image.dataset.look = whole ? "whole" : src ? "quick" : "none";
    const which = near > 0 && near < this.step ? `quick look at step ${near}` : "quick look";
    this.words.textContent = `${this.noise} · ${whole ? "in full" : which}`;
  }

  /** Nobody moves: the step as the VAE paints it. */
  async rested(id) {
    const { step } = this;
    if (id !== this.id || this.whole[step] || this.player.timer) return;
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

  async readKin(id) {
    const rows = await kinOf(id, (one) => this.open(one));
    if (id === this.id) this.kin.replaceChildren(...rows);
  }

  async branch(changes) {
    const { id } = await post("/extensions/inside/api/branch", { picture: this.id, step: this.step, ...changes });
    this.waiting = id;
    this.say("The other way is in the queue; it opens here when its turn comes.");
    this.follow();
  }
}

customElements.define("taffy-inside", Inside);
