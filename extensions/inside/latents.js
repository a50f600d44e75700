// What the network really works on: the channels of the latents, and the pieces of one of its answers.

import { element } from "/taffy/elements.js";
import { read } from "/taffy/source-upload.js";
import { greys } from "./heat.js";
import { lines } from "./lines.js";

const PIECES = {
  start: ["The noise it all began with", "The seed settles it."],
  x: ["What the network was shown", "The picture so far, with the noise that is left."],
  cond: ["Its answer to your words", ""],
  uncond: ["Its answer without them", "To the negative prompt, or to nothing."],
  difference: ["What the words changed", "The difference of the two answers. The CFG scale says how many times it counts."],
};

export class Latents {
  id = "latents";
  label = "Latents";
  live = true;

  constructor(stage) {
    this.stage = stage;
    this.channels = element("div", { className: "inside-channels" });
    this.title = element("h3");
    this.pieces = element("div", { className: "inside-pieces" });
    this.told = element("p", { className: "inside-told", role: "status" });
    this.button = element("button", { type: "button", className: "taffy-go", onclick: () => this.readPieces() });
    const hint = "The network paints no pixels. It works on a few small grids of numbers, and the VAE makes pixels of them at the end. Light is more, dark is less; mean and deviation say around what and how far the numbers spread.";
    this.root = element("section", {}, this.title, element("p", {}, hint), this.channels, this.button, this.told, this.pieces);
  }

  know(known) {
    this.known = known;
    this.kept = {};
    this.begun = known.start ? [row(known.start)] : [];
    this.channels.replaceChildren();
    this.pieces.replaceChildren(...this.begun);
    this.button.hidden = Boolean(known.live);
    this.told.textContent = known.live ? "When the picture is done each step can be taken to pieces." : "";
  }

  at(step) {
    this.step = step;
    this.title.textContent = `The answer of step ${step} as numbers`;
    this.button.textContent = `Take step ${step} to pieces`;
    this.pieces.replaceChildren(...(this.kept[step] ?? this.begun));
    clearTimeout(this.soon);
    if (!this.root.hidden) this.soon = setTimeout(() => this.readChannels(), 80);
  }

  opened() {
    if (this.step) this.readChannels();
  }

  async readChannels() {
    const { known, step } = this;
    const { id: picture, job, seed } = known;
    const url = known.live ? ["running-latent", { job, seed, step: step - 1 }] : ["latent", { picture, step: step - 1 }];
    try {
      const found = await read(this.stage.url(...url));
      if (known === this.known && step === this.step) this.channels.replaceChildren(...shown(found));
    } catch (error) {
      if (known === this.known) this.told.textContent = error.message;
    }
  }

  async readPieces() {
    const { known, step } = this;
    if (this.button.disabled || this.kept[step]) return;
    this.button.disabled = true;
    this.told.textContent = "Waiting for the engine …";
    const made = [];
    try {
      for await (const piece of lines(this.stage.url("parts", { picture: known.id, step: step - 1 }))) {
        if (known !== this.known) return;
        made.push(row(piece));
        this.kept[step] = made;
        if (step === this.step) this.pieces.replaceChildren(...made);
      }
      this.told.textContent = made.length < 4 ? "With CFG scale 1 the network is asked with your words only." : "";
    } catch (error) {
      if (known !== this.known) return;
      delete this.kept[step]; // the rest can be asked for again
      this.told.textContent = error.message;
    } finally {
      this.button.disabled = false;
    }
  }
}

function shown(channels) {
  return channels.map((channel, at) => {
    const numbers = `mean ${channel.mean.toFixed(2)}, deviation ${channel.deviation.toFixed(2)}`;
    const name = `Channel ${at + 1}`;
    return element("figure", {}, greys(channel, `${name}: ${numbers}`), element("figcaption", {}, element("strong", {}, name), ` ${numbers}`));
  });
}

function row({ name, src, channels }) {
  const [title, hint] = PIECES[name];
  const picture = src ? [element("img", { src, alt: title })] : [];
  return element("section", { className: "inside-piece" }, element("h4", {}, title), element("p", {}, hint), element("div", { className: "inside-channels" }, ...picture, ...shown(channels)));
}
