// What can be done with the picture that is shown: a row of buttons.

import { chainButtons } from "./chain.js";
import { History } from "./chain-history.js";
import { element } from "./elements.js";
import { addButtons, columnWords } from "./extension-buttons.js";
import { requestOf, reuse, vary } from "./pictures.js";
import { openViewer } from "./viewer.js";

const SUBTLE = 0.15; // of the other noise: the same picture in other details
const STRONG = 0.45; // the same idea in another picture

/** What is to be known of a picture that was made in fast mode; empty for an exact one. */
function fastWords({ infotext = "" }) {
  const every = infotext.split("\n").at(-1).match(/\bFast every: (\d+)/)?.[1];
  return every ? `Fast mode: one of ${every} steps is whole, so details may differ from the exact picture.` : "";
}

export class Actions {
  constructor() {
    this.picture = null;
    this.download = element("a", { title: "Save this picture as a file" }, "Download");
    this.film = element("a", { title: "Save how this picture came out of the noise" }, "Save the film");
    this.said = element("p", { className: "taffy-said", role: "status" });
    this.row = element(
      "div",
      { className: "taffy-actions-row", role: "group", ariaLabel: "This picture" },
      this.button("Full size", "Look at it in full size (F)", () => openViewer(this.picture.id)),
      this.button("Reuse parameters", "Fill the form with everything this picture was made with", () => this.reuse()),
      this.button("Reuse seed", "Fill in this picture's seed, and leave the rest of the form", () => {
        reuse({ seed: this.picture.seed });
        this.say("The seed is in the form.");
      }),
      this.button("Vary (subtle)", "Make it once more with small changes", () => this.vary(SUBTLE)),
      this.button("Vary (strong)", "Make it once more with large changes", () => this.vary(STRONG)),
      ...chainButtons(this),
    );
    addButtons(this);
    this.columns = element("p", { className: "taffy-hint", hidden: true });
    this.history = new History();
    this.files = [this.download, this.film];
    new ResizeObserver(() => this.showHistory()).observe(this.row); // a tab that comes into sight shows what came meanwhile
  }

  button(label, title, act) {
    return element("button", { type: "button", title, onclick: () => this.run(act) }, label);
  }

  async run(act) {
    this.say("");
    try {
      await act();
    } catch (error) {
      this.say(`That did not work: ${error.message}`);
    }
  }

  async reuse() {
    reuse(await requestOf(this.picture));
    this.say("The form has what this picture was made with.");
  }

  async vary(strength) {
    const { notes } = await vary(this.picture, strength);
    this.say(notes.join(" "));
  }

  say(words) {
    this.said.textContent = words;
  }

  show(picture) {
    if (picture.id !== this.picture?.id) this.say("");
    this.picture = picture;
    this.row.querySelector(".taffy-exact").hidden = !fastWords(picture);
    this.columns.textContent = [fastWords(picture), columnWords(picture)].filter(Boolean).join(" · ");
    this.columns.hidden = !this.columns.textContent;
    this.download.href = `${picture.url}?download=1`;
    this.film.href = `/jobs/${encodeURIComponent(picture.job.id)}/film.webp`;
    this.film.hidden = !picture.job.film;
    this.showHistory();
  }

  showHistory() {
    if (this.picture && this.row.offsetParent) this.history.show(this.picture);
  }
}
