// <taffy-note folder="...">: what the checkpoint of its form is best at, however it came into the form. folder: where
// checkpoints are put.

import { allCards, areCardsKnown, cardOf, watchCards } from "./cards.js";
import { element } from "./elements.js";
import { FRAME, formOf, watchForm } from "./form.js";

const MADE_FOR = {
  // what a checkpoint wants beside noise and words
  inpaint: "Made to paint under a mask: it sees the mask and the picture around it, and works at strength 1 too.",
  instruct: "Made to follow orders (“make it night”): it needs a picture, so use it under img2img, at strength 1.",
};

const paragraph = (...words) => element("p", {}, ...words);

function best({ native_size: side, default_steps: steps, default_cfg: cfg, ...card }) {
  const way = [card.default_sampler, card.default_schedule].filter(Boolean).map((name) => `, ${name}`).join("");
  const why = way && card.defaults_from ? ` (${card.defaults_from})` : "";
  return `Best at ${side} × ${side} pixels, ${steps} steps, CFG ${cfg}${way}${why}.`;
}

class Note extends HTMLElement {
  connectedCallback() {
    this.tab = this.closest(`[id^=${FRAME}]`).id.slice(FRAME.length);
    this.shown = {};
    this.ends = [watchCards(() => this.draw()), watchForm(() => this.draw())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  draw() {
    const { checkpoint } = formOf(this.tab);
    const cards = allCards();
    if (!areCardsKnown() || (checkpoint === this.shown.checkpoint && cards === this.shown.cards)) return;
    this.shown = { checkpoint, cards };
    this.replaceChildren(...this.words(checkpoint));
  }

  words(checkpoint) {
    const folder = element("code", {}, this.getAttribute("folder"));
    const file = element("code", {}, ".safetensors");
    const card = cardOf(checkpoint);
    if (!allCards().length) return [paragraph("There is no checkpoint yet. Put a ", file, " file into ", folder, " and it appears here by itself.")];
    if (!card) return checkpoint ? [paragraph("There is no checkpoint of this name.")] : [];
    const words = paragraph(`${best(card)} ${card.description}`); // cut short by the style, whole in the tooltip
    words.title = card.description;
    const bigger = paragraph("Want a bigger one? Put its ", file, " file into ", folder, ": the list notices by itself.");
    const madeFor = MADE_FOR[card.input_kind];
    return [words, ...(madeFor ? [paragraph(madeFor)] : []), ...(Object.keys(card.words).length ? [bigger] : [])];
  }
}

customElements.define("taffy-note", Note);
