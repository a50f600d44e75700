// What can be done with the picture that is shown: a row of buttons.

import { chainButtons } from "./chain.js";
import { History } from "./chain-history.js";
import { element } from "./elements.js";
import { addButtons, columnWords } from "./extension-buttons.js";
import { requestOf, reuse, vary } from "./pictures.js";
import { read } from "./source-upload.js";
import { cancel, view } from "./view.js";
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
      this.asks("Vary (subtle)", "Make it once more with small changes", (picture) => vary(picture, SUBTLE)),
      this.asks("Vary (strong)", "Make it once more with large changes", (picture) => vary(picture, STRONG)),
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

  /** A button that asks for another picture, which can be taken back. act(picture) gives the job: {id, notes} */
  asks(label, title, act) {
    return this.button(label, title, async () => {
      const { id, notes } = await act(this.picture);
      const back = element("button", { type: "button", onclick: () => this.run(() => this.takeBack(id)) }, "Take it back");
      this.say(["It is on its way. ", ...notes.map((note) => `(${note}) `)].join(""));
      this.said.append(back);
      this.asked = id;
    });
  }

  async takeBack(id) {
    await cancel(id);
    const { state } = await read(`/jobs/${encodeURIComponent(id)}`);
    this.say(state === "done" ? "It is made already." : "It was taken back.");
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

  say = (words) => {
    this.said.textContent = words;
    this.asked = null; // the job that the words are about, as long as it can be taken back
  };

  show(picture) {
    const isOver = this.asked ? view.state.recent.some(({ id }) => id === this.asked) : picture.id !== this.picture?.id;
    if (isOver) this.say("");
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
