// <taffy-strength>: what the strength means: how many steps run, and the noised picture that they start from.

import { element } from "./elements.js";
import { formOf, watchForm } from "./form.js";
import { asRequest, isInSight, picture, TAB, watchPicture } from "./source-picture.js";
import { inputUrl, post } from "./source-upload.js";
import { view, watch } from "./view.js";

const PAUSE_MS = 400;
const FOLDED = "taffy-look-folded";
const SHOWN_AFTER_MS = 1000; // quicker looks need no words
const LOOKING = "Looking …";
const LOOKS = ["noised start", "round trip"];
const WAITS = "It waits for the running job.";
const SEEN = ["image", "strength", "steps", "exact_steps", "width", "height", "resize_mode", "seed", "checkpoint", "sampler", "schedule"];

/** How many of the steps run: A1111's rule. */
export function stepsThatRun(strength, steps, isExact) {
  if (strength <= 0) return 0;
  return isExact ? steps : Math.trunc(Math.min(strength, 0.999) * steps) + 1;
}

class Strength extends HTMLElement {
  connectedCallback() {
    this.steps = element("p", { className: "taffy-run-steps", role: "status" });
    this.figures = Object.fromEntries(
      [
        ["own", "Your picture", ""],
        ["noised start", "What it starts from", "Your picture under as much noise as the strength says"],
        ["round trip", "Through the VAE", "What the checkpoint's way of storing pictures keeps: no strength gets nearer"],
      ].map(([name, words, title]) => {
        const image = element("img", { alt: words, hidden: true });
        return [name, { image, root: element("figure", { title }, image, element("figcaption", {}, words)) }];
      }),
    );
    this.said = element("p", { className: "taffy-look-said", role: "status" });
    const row = element("div", { className: "taffy-look" }, ...Object.values(this.figures).map(({ root }) => root));
    this.details = element("details", { hidden: true }, element("summary", {}, "What it starts from"), row, this.said);
    this.details.open = localStorage.getItem(FOLDED) !== "yes";
    this.details.ontoggle = () => {
      localStorage.setItem(FOLDED, this.details.open ? "no" : "yes");
      this.follow();
    };
    this.replaceChildren(this.steps, this.details);
    this.ends = [watchForm(() => this.follow()), watchPicture(() => this.follow()), watch(() => this.heed())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  follow() {
    const { strength = 0, steps = 0, exact_steps: isExact } = formOf(TAB);
    const words = `${stepsThatRun(strength, steps, isExact)} of ${steps} steps will run.`;
    if (this.steps.textContent !== words) this.steps.textContent = words;
    this.details.hidden = !picture.width;
    const { image } = this.figures.own;
    if (picture.width && image.getAttribute("src") !== inputUrl(picture.id)) {
      Object.assign(image, { src: inputUrl(picture.id), hidden: false });
      for (const name of LOOKS) this.figures[name].image.hidden = true; // they were of the picture before
    }
    if (!isInSight() || !this.details.open || !picture.width) return;
    const wanted = JSON.stringify(SEEN.map((name) => formOf(TAB)[name]));
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.look(), PAUSE_MS);
  }

  /** A job that began just before the question would let it wait to no end; when nothing is left to do, look. */
  heed() {
    if (view.state?.running) this.asking?.abort();
    else if (this.isWaiting && view.state && !view.state.waiting.length) this.look();
  }

  /** One question at a time: the newest is asked when the one before is answered. */
  async look() {
    if (this.asking || !formOf(TAB).image) return; // it may have been removed since
    this.isWaiting = Boolean(view.state?.running || view.state?.waiting.length);
    this.said.textContent = this.isWaiting ? WAITS : "";
    if (this.isWaiting) return;
    const { wanted } = this;
    this.asking = new AbortController();
    this.ariaBusy = "true";
    const slow = setTimeout(() => (this.said.textContent = LOOKING), SHOWN_AFTER_MS);
    const looks = await post("/look", asRequest(formOf(TAB)), this.asking.signal).catch((error) => ({ error }));
    clearTimeout(slow);
    this.asking = null;
    this.ariaBusy = "false";
    if (looks.error?.name === "AbortError" || wanted !== this.wanted) return this.look();
    this.said.textContent = looks.error?.message ?? "";
    for (const [name, { src }] of Object.entries(looks)) {
      if (LOOKS.includes(name)) Object.assign(this.figures[name].image, { src, hidden: false });
    }
  }
}

customElements.define("taffy-strength", Strength);
