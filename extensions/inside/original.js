// The originality check: a picture beside its nearest neighbours in a folder, or in the starter's own training set.

import { element } from "/taffy/elements.js";
import { lines } from "./lines.js";

export class Original {
  id = "original";
  label = "Copied?";

  constructor(stage) {
    this.stage = stage;
    this.folder = element("input", { type: "text", id: "inside-folder", placeholder: "/path/of/a/folder", spellcheck: false, onkeydown: ({ key }) => key === "Enter" && this.compare({ folder: this.folder.value }) });
    this.look = element("button", { type: "button", className: "taffy-go", onclick: () => this.compare({ folder: this.folder.value }) }, "Compare with the folder");
    this.trained = element("button", { type: "button", className: "taffy-go", onclick: () => this.compare({ against: "training" }) }, "Compare with the starter's training set");
    this.stop = element("button", { type: "button", className: "taffy-act inside-stop", hidden: true, onclick: () => this.task?.abort() }, "Stop");
    this.told = element("p", { className: "inside-told", role: "status" });
    this.bar = element("progress", { max: 1, value: 0, hidden: true, ariaLabel: "How far it is" });
    this.near = element("ol", { className: "inside-near" });
    this.after = element("div", { className: "inside-found" });
    const words = "Looks for the pictures of a folder of this computer that are nearest to this one. Name the folder of an artist, or of your own photographs.";
    const field = element("div", { className: "taffy-fields inside-fields" }, element("div", {}, element("label", { htmlFor: "inside-folder" }, "Folder"), this.folder));
    this.root = element("section", {}, element("h3", {}, "Is it a copy?"), element("p", {}, words), field, this.look, this.trained, this.told, this.bar, this.stop, this.near, this.after);
  }

  know(known) {
    this.task?.abort();
    this.known = known;
    this.told.textContent = "";
    this.near.replaceChildren();
    this.after.replaceChildren();
    this.trained.hidden = !known.starter;
  }

  async compare(values) {
    this.task?.abort();
    const task = new AbortController();
    this.task = task;
    this.near.replaceChildren(shown(`/pictures/${encodeURIComponent(this.known.id)}`, "This picture", "This picture"));
    this.after.replaceChildren();
    this.stop.hidden = false;
    this.told.textContent = "Waiting for the engine …";
    try {
      for await (const told of lines(this.stage.url("originality", { picture: this.known.id, ...values }), { signal: task.signal })) this.heard(told);
    } catch (error) {
      if (this.task === task) this.told.textContent = task.signal.aborted ? "Stopped. What was looked at is remembered." : error.message;
    } finally {
      if (this.task === task) this.stop.hidden = this.bar.hidden = true;
    }
  }

  heard(told) {
    if (told.doing) {
      this.bar.hidden = false;
      this.bar.max = told.of;
      this.bar.value = told.done;
      this.told.textContent = `${told.doing}, ${told.done.toLocaleString()} of ${told.of.toLocaleString()}`;
    } else if (told.near) this.near.append(this.neighbour(told.near));
    else this.ended(told);
  }

  neighbour({ name, src, bits, distance, mirrored }) {
    const file = name.split(/[\\/]/).at(-1);
    const words = [file, bits === undefined ? "" : `${bits} of 64 bits differ`, `${distance.toFixed(2)} away`, mirrored ? "mirrored" : ""];
    return shown(src, words.filter(Boolean).join(" · "), name || "A training picture");
  }

  ended({ said, limits, measure, note, unreadable }) {
    this.told.textContent = said;
    const missed = unreadable.length ? [`These could not be read: ${unreadable.join(", ")}`] : [];
    this.after.replaceChildren(...[measure, note, ...missed, limits].filter(Boolean).map((text) => element("p", {}, text)));
  }
}

const shown = (src, words, alt) => element("li", {}, element("figure", { title: alt }, element("img", { src, alt }), element("figcaption", {}, words)));
