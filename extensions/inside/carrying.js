// What can be taken along: the picture with its making in its file, its way as a film; and Verify.

import { element } from "/taffy/elements.js";
import { lines } from "./lines.js";

const FILMS = { webp: "WebP, small, moves in every browser", gif: "GIF, large, moves everywhere", mp4: "MP4, a video" };

export class Carrying {
  id = "carrying";
  label = "Keep, verify";

  constructor(stage) {
    this.stage = stage;
    this.whole = element("input", { type: "checkbox", id: "inside-whole" });
    this.save = element("button", { type: "button", className: "taffy-go", onclick: () => this.saving() }, "Save the picture");
    const options = Object.entries(FILMS).map(([value, words]) => element("option", { value }, words));
    this.kind = element("select", { id: "inside-film-kind" }, ...options);
    this.make = element("button", { type: "button", className: "taffy-go", onclick: () => this.filming() }, "Make the film");
    this.check = element("button", { type: "button", className: "taffy-go", onclick: () => this.verifying() }, "Verify");
    this.told = element("p", { className: "inside-told", role: "status" });
    this.bar = element("progress", { max: 1, value: 0, hidden: true, ariaLabel: "How far it is" });
    this.stop = element("button", { type: "button", className: "taffy-act inside-stop", hidden: true, onclick: () => this.stopping() }, "Stop");
    this.found = element("div", { className: "inside-found" });
    this.root = element("section", {}, ...this.taking(), ...this.proving(), this.told, this.bar, this.stop, this.found);
  }

  taking() {
    const words = "Its steps, everything it was made with, and the pictures it was made from go into the file, where other programs do not show them. Whoever has the file can look at all of it on any Taffy, and go other ways.";
    const label = element("label", { htmlFor: "inside-whole" }, "with its own making in it");
    const kinds = element("div", { className: "taffy-fields inside-which" }, element("label", { htmlFor: "inside-film-kind" }, "As a film"), this.kind, this.make);
    return [element("h3", {}, "Take it along"), element("div", { className: "inside-check" }, this.whole, label), element("p", { className: "inside-hint" }, words), this.save, kinds];
  }

  proving() {
    const words = "Makes the picture once more, from the same noise, and compares every number. It takes as long as the picture took.";
    return [element("h3", {}, "Is it what it says?"), element("p", {}, words), this.check];
  }

  know(known) {
    this.stopping();
    this.known = known;
    this.told.textContent = "";
    this.found.replaceChildren();
  }

  async saving() {
    const { known } = this;
    const path = this.whole.checked ? this.stage.url("carry", { picture: known.id }) : `/pictures/${encodeURIComponent(known.id)}`;
    await this.working(this.save, async (signal) => {
      this.tell("Putting it together …");
      const answer = await fetch(path, { signal });
      if (!answer.ok) throw new Error(await sentence(answer));
      const file = await answer.blob();
      download(file, `${known.seed}${this.whole.checked ? "-with-steps" : ""}.png`);
      this.tell(`Saved, ${size(file.size)}.`);
    });
  }

  async filming() {
    const { known } = this;
    await this.working(this.make, async (signal) => {
      for await (const told of lines(this.stage.url("film", { picture: known.id, kind: this.kind.value }), { method: "POST", signal })) {
        if (told.doing) this.progress(told, `Step ${told.done} of ${told.of}: ${told.doing}`);
        else this.filmed(await (await fetch(told.src)).blob(), told.name);
      }
    });
  }

  filmed(file, name) {
    this.release();
    const src = URL.createObjectURL(file);
    this.film = src;
    const shown = file.type.startsWith("video/") ? element("video", { src, controls: true, muted: true }) : element("img", { src, alt: "The film" });
    const link = element("a", { href: src, download: name }, `Save ${name}, ${size(file.size)}`);
    this.found.replaceChildren(shown, element("p", {}, link));
    this.tell("The film is done.");
  }

  async verifying() {
    const { known } = this;
    await this.working(this.check, async (signal) => {
      for await (const told of lines(this.stage.url("verify", { picture: known.id }), { method: "POST", signal })) {
        if (told.of) this.progress({ done: told.step, of: told.of }, `Making it again, step ${told.step} of ${told.of}`);
        else this.verified(told);
      }
    });
  }

  verified({ equal, said, why, notes, differs }) {
    const head = element("tr", {}, ...["", "Then", "Now"].map((word) => element("th", { scope: "col" }, word)));
    const rows = differs.map(([what, then, now]) => element("tr", {}, element("th", { scope: "row" }, what), element("td", {}, then || "not known"), element("td", {}, now || "not known")));
    const table = element("table", { className: "inside-differs" }, element("caption", {}, "What is different since then"), element("thead", {}, head), element("tbody", {}, ...rows));
    const same = element("p", {}, "Programs, device, checkpoint and settings are those of then.");
    this.found.replaceChildren(...[why, ...notes].filter(Boolean).map((note) => element("p", {}, note)), rows.length ? table : same);
    this.found.dataset.equal = equal;
    this.tell(said);
  }

  /** One thing at a time; Stop and another picture end it. */
  async working(button, act) {
    this.stopping();
    const task = new AbortController();
    this.task = task;
    this.found.replaceChildren();
    this.release();
    this.stop.hidden = false;
    this.tell("Waiting for the engine …");
    try {
      await act(task.signal);
    } catch (error) {
      if (this.task === task) this.tell(task.signal.aborted ? "Stopped." : error.message);
    } finally {
      if (this.task === task) {
        this.stop.hidden = this.bar.hidden = true;
        this.task = null;
        button.focus();
      }
    }
  }

  stopping() {
    this.task?.abort();
  }

  release() {
    if (this.film) URL.revokeObjectURL(this.film);
    this.film = null;
  }

  progress({ done, of }, words) {
    this.bar.hidden = false;
    this.bar.max = of;
    this.bar.value = done;
    this.tell(words);
  }

  tell(text) {
    this.told.textContent = text;
  }
}

async function sentence(answer) {
  const { error, advice } = await answer.json().catch(() => ({}));
  return [error, advice].filter(Boolean).join("; ") || `status ${answer.status}`;
}

function download(file, name) {
  const href = URL.createObjectURL(file);
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
