// The guided tour: six stops over the user's own picture, in plain words, from words to picture.

import { element } from "/taffy/elements.js";
import { read } from "/taffy/source-upload.js";
import { experiment } from "./experiment.js";

const STOPS = [
  {
    title: "Words",
    text: [
      "You wrote a sentence. A small network cut it into words and turned each into a row of numbers: words that mean something alike get rows that lie near each other. That is all the painter ever sees of your sentence.",
      "If the panel offers it, press “Look where the words look” first. Then point at a word: the bright places of the picture are those that listened to it most, added up over all steps.",
    ],
    panel: "words",
    step: (steps) => steps,
  },
  {
    title: "Noise",
    text: [
      "The picture did not begin with a sketch, and not with somebody else's picture. It began with noise, drawn like dice. The seed says which throw: the same seed, the same noise.",
      "Look in the panel under “The noise it all began with”. The large picture is what the network took that noise for at the first step, when there was almost nothing to see.",
    ],
    panel: "latents",
    pieces: true,
    step: () => 1,
  },
  {
    title: "Steps",
    text: [
      "The network was trained to look at something noisy, and at some words, and to say what the clean picture would be. Its first answer is a blur. Taffy moves the noise a little toward it and asks again.",
      "Press Play, or drag the slider. First the large things settle, then the small ones. You can leave at any step and take another way.",
    ],
    panel: "way",
    step: (steps) => Math.max(1, Math.round(steps / 4)),
  },
  {
    title: "Latent",
    text: [
      "The painter never touches a pixel. It works on a few small grids of numbers, the latent. They are shown in the panel in grey: here is the outline, there a colour, and none of them is a picture.",
      "Press the button to see one answer taken to pieces: with your words, without them, and what the words changed.",
    ],
    panel: "latents",
    step: (steps) => Math.max(1, Math.round(steps / 2)),
  },
  {
    title: "Picture",
    text: [
      "At the end a last network, the VAE, makes pixels of the grids. In the panel your picture went into the grids and out again, so that you see what that alone loses.",
      "That is the whole way: words, noise, steps, latent, picture. Nowhere on it was a picture looked up or pasted in. Which of your words mattered most? Word weights makes the picture again without each.",
    ],
    panel: "vae",
    step: (steps) => steps,
  },
  {
    title: "The experiment",
    text: [
      "But does it not only repeat what it was shown? With most checkpoints nobody can look. With Taffy's starter everybody can: its training pictures are known, and some pairs, such as a thing and a way of painting, were never shown to it together.",
    ],
    figures: true,
  },
];

export class Tour {
  /** stage: {url(path), panels, ready(): whether a picture is open, go(step), steps(): how many} */
  constructor(stage) {
    this.stage = stage;
    this.button = element("button", { type: "button", className: "inside-go", onclick: () => this.begin() }, "Take the tour");
    this.title = element("h3", { tabIndex: -1 });
    this.text = element("div");
    this.figures = element("div", { className: "inside-figures" });
    this.back = element("button", { type: "button", onclick: () => this.stop(this.at - 1) }, "Back");
    this.next = element("button", { type: "button", className: "inside-go", onclick: () => this.stop(this.at + 1) });
    const end = element("button", { type: "button", onclick: () => this.end() }, "End the tour");
    const bar = element("div", { className: "inside-bar" }, this.back, this.next, end);
    this.root = element("section", { className: "inside-tour", hidden: true, ariaLabel: "Tour" }, this.title, this.text, this.figures, bar);
    this.root.addEventListener("keydown", ({ key }) => key === "Escape" && this.end());
  }

  async begin() {
    if (await this.stage.ready()) this.stop(0);
  }

  end() {
    this.root.hidden = true;
    this.button.focus();
  }

  stop(at) {
    if (at >= STOPS.length) return this.end();
    this.at = at;
    const { title, text, panel, step, pieces, figures } = STOPS[at];
    this.root.hidden = false;
    this.root.dataset.stop = at + 1;
    this.title.textContent = `${at + 1} of ${STOPS.length}: ${title}`;
    this.text.replaceChildren(...text.map((words) => element("p", {}, words)));
    this.back.disabled = !at;
    this.next.textContent = at + 1 < STOPS.length ? `Next: ${STOPS[at + 1].title}` : "Done";
    this.figures.replaceChildren();
    if (panel) {
      this.stage.go(step(this.stage.steps()));
      this.stage.panels.open(panel);
    }
    if (pieces) this.stage.panels.get(panel).readPieces();
    if (figures) this.show();
    this.title.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "nearest" });
  }

  async show() {
    const { at } = this;
    const figures = await read(this.stage.url("experiment")).then(experiment, (error) => [element("p", { role: "alert" }, error.message)]);
    if (at === this.at) this.figures.replaceChildren(...figures);
  }
}
