// The guided tour: six stops over the user's own picture, in plain words, from words to picture.

import { element } from "/taffy/elements.js";
import { read } from "/taffy/source-upload.js";
import { experiment } from "./experiment.js";

const NARROW = "(max-width: 760px)"; // there the tour lies at the lower edge, and what it is about above it

/**
 * text(known): paragraphs. panel: that is opened. step(all): that is shown. act: a button for what there is to do;
 * its `due(panel)` says whether it still is.
 */
const STOPS = [
  {
    title: "Words",
    text: ({ prompt }) => [
      `You wrote: “${prompt}”. The painter is a program and cannot read: for each word it gets a row of numbers.`,
      "Point at a word in the list, or tap it. The places of the picture that get bright listened to it most.",
    ],
    panel: "words",
    step: (all) => all,
    act: { words: "Show where my words were heard", due: (panel) => !panel.steps.length, run: ({ panels }) => panels.get("words").read(true), shows: ".inside-words" },
  },
  {
    title: "Noise",
    text: () => [
      "There was no sketch, and nobody else's picture. It all began with noise, like the snow on an old television, thrown like dice. The seed is the number of the throw: the same seed, the same snow.",
      "You see it under “The noise it all began with”. The large picture is what the painter made of it at its first look: a blur.",
    ],
    panel: "latents",
    step: () => 1,
    begin: ({ panels }) => panels.get("latents").readPieces(),
  },
  {
    title: "Steps",
    text: ({ sigmas }) => [
      `The painter was trained on one thing: to say how noisy snow would look if it were clean. Its first guess is a blur. The snow is moved a little toward the guess, and the painter looks again: ${sigmas.length} times for your picture.`,
      "Watch it. Large things settle first, small ones last.",
    ],
    panel: "words",
    step: () => 1,
    act: { words: "Play it", run: ({ play }) => play(), shows: ".inside-frame" },
  },
  {
    title: "Latent",
    text: () => [
      "The painter does not paint dots of colour. It works on a few small grids of numbers, together called the latent. Here they are in grey.",
      "This guess can be taken apart: what it would be with your words, what without them, and what your words changed.",
    ],
    panel: "latents",
    step: (all) => Math.max(1, Math.round(all / 2)),
    act: { words: "Take this guess apart", due: (panel) => !panel.kept[panel.step], run: ({ panels }) => panels.get("latents").readPieces(), shows: ".inside-pieces" },
  },
  {
    title: "Picture",
    text: () => [
      "At the end a second program, the VAE, turns the grids into a picture. Here yours was sent into grids and back, to show what that alone loses.",
      "That is the whole way: words, noise, steps, latent, picture. Nowhere was a picture looked up, and none was pasted in.",
    ],
    panel: "vae",
    step: (all) => all,
  },
  {
    title: "The experiment",
    text: () => [
      "But does it only repeat what it was shown? With most checkpoints nobody can tell, because nobody knows their training pictures. With Taffy's own, the starter, everybody can. And some pairs, such as a frog drawn in ink, were kept from it on purpose.",
    ],
    figures: true,
  },
];

export class Tour {
  /** stage: {url(path), panels, ready(): whether a picture is open, go(step), play(), known(), room(), say(text), touring(stop)} */
  constructor(stage) {
    this.stage = stage;
    this.button = element("button", { type: "button", className: "taffy-go", onclick: () => this.begin() }, "Take the tour");
    this.title = element("h3", { tabIndex: -1 });
    this.text = element("div");
    this.act = element("button", { type: "button", className: "taffy-act inside-act", onclick: () => this.acting() });
    this.figures = element("div", { className: "inside-figures" });
    this.back = element("button", { type: "button", className: "taffy-act", onclick: () => this.stop(this.at - 1) }, "Back");
    this.next = element("button", { type: "button", className: "taffy-go", onclick: () => this.stop(this.at + 1) });
    this.leave = element("button", { type: "button", className: "taffy-act", onclick: () => this.end() }, "End the tour");
    const head = element("div", { className: "inside-tour-head" }, this.title, this.leave);
    const bar = element("div", { className: "inside-bar" }, this.back, this.next);
    this.root = element("section", { className: "inside-tour", hidden: true, ariaLabel: "Tour" }, head, this.text, this.act, this.figures, bar);
    this.root.addEventListener("keydown", ({ key }) => key === "Escape" && this.end());
  }

  async begin() {
    if (await this.stage.ready()) this.stop(0);
  }

  end() {
    this.root.hidden = true;
    this.stage.touring(0);
    this.stage.say("That was the tour. What next? Go another way from any step, or see under “Word weights” what each word did.");
    this.button.focus();
  }

  stop(at) {
    if (at >= STOPS.length) return this.end();
    this.at = at;
    const { title, text, panel, step, begin, figures } = STOPS[at];
    const known = this.stage.known();
    this.root.hidden = false;
    this.root.dataset.stop = at + 1;
    this.stage.touring(at + 1);
    this.title.textContent = `${at + 1} of ${STOPS.length}: ${title}`;
    this.text.replaceChildren(...text(known).map((words) => element("p", {}, words)));
    this.back.disabled = !at;
    this.leave.hidden = at + 1 === STOPS.length;
    this.next.textContent = this.leave.hidden ? "Done" : `Next: ${STOPS[at + 1].title}`;
    this.figures.replaceChildren();
    if (panel) {
      this.stage.go(step(known.sigmas.length));
      this.stage.panels.open(panel);
    }
    if (panel) this.stage.panels.get(panel).changed = () => this.offer();
    begin?.(this.stage);
    if (figures) this.show();
    this.offer();
    this.root.scrollTop = 0;
    this.title.focus({ preventScroll: true });
    (panel && matchMedia(NARROW).matches ? this.stage.room() : this.root).scrollIntoView({ block: "start" });
  }

  /** The button of this stop, while there is something left to do. */
  offer() {
    const { act, panel } = STOPS[this.at];
    if (this.root.hidden) return;
    this.act.hidden = !act || act.due?.(this.stage.panels.get(panel)) === false;
    if (act) this.act.textContent = act.words;
  }

  async acting() {
    const { at } = this;
    this.act.disabled = true;
    await STOPS[at].act.run(this.stage);
    this.act.disabled = false;
    if (at !== this.at) return;
    this.stage.room().querySelector(STOPS[at].act.shows)?.scrollIntoView({ block: "nearest" });
    this.offer();
    if (this.act.hidden) this.title.focus({ preventScroll: true }); // it had the focus
  }

  async show() {
    const { at } = this;
    const figures = await read(this.stage.url("experiment")).then(experiment, (error) => [element("p", { role: "alert" }, error.message)]);
    if (at === this.at) this.figures.replaceChildren(...figures);
  }
}
