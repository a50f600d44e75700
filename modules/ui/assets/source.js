// <taffy-source>: where the picture to start from comes in: a file, a drop, Ctrl+V, or one that was made here.

import { element } from "./elements.js";
import { formOf, overwrite, watchForm } from "./form.js";
import { pictures } from "./pictures.js";
import { isInSight, picture, startFrom, TAB, watchPicture } from "./source-picture.js";
import { inputFromFile, inputFromGallery } from "./source-upload.js";
import { idOf, imageOf } from "./transfer.js";
import { view } from "./view.js";
import "./mask.js";

const SHOWN_AFTER_MS = 2000; // a quicker upload needs no bar
const MOST = 24; // pictures to choose from

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;
class Source extends HTMLElement {
  connectedCallback() {
    this.file = element("input", { type: "file", accept: "image/*", className: "taffy-spoken", tabIndex: -1 });
    this.file.ariaHidden = "true";
    this.file.onchange = () => this.takeFile(this.file.files[0]);
    this.facts = element("span", { className: "taffy-source-facts" });
    this.remove = this.button("Remove", () => overwrite("removing the picture", { image: "", mask: "", parent: "", origin: "" }));
    this.chooser = this.button("From results", () => this.choose());
    this.chooser.ariaExpanded = "false";
    const bar = element("div", { className: "taffy-source-bar" }, this.button("Choose a file", () => this.file.click()));
    bar.append(this.chooser, this.remove, this.facts);
    const hint = matchMedia("(pointer: coarse)").matches ? "Choose a picture to start from." : "Drop a picture here, or paste one with Ctrl+V.";
    this.empty = element("p", {}, hint);
    this.bar = element("progress", { max: 1, hidden: true, ariaLabel: "Uploaded" });
    this.notes = element("ul", { className: "taffy-source-notes" });
    this.problem = element("p", { className: "taffy-source-problem", role: "alert" });
    this.results = element("ul", { className: "taffy-thumbs", ariaLabel: "Results to start from", hidden: true });
    this.editor = element("taffy-mask", { hidden: true });
    this.replaceChildren(this.empty, bar, this.file, this.results, this.bar, this.problem, this.editor, this.notes, element("taffy-advice", { hidden: true }));
    this.listening = new AbortController();
    const { signal } = this.listening;
    for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => this.drag(event), { signal });
    document.addEventListener("paste", (event) => this.paste(event), { signal });
    this.ends = [watchForm(() => this.draw()), watchPicture(() => this.draw())];
  }

  disconnectedCallback() {
    this.listening.abort();
    this.ends.forEach((end) => end());
  }

  button(label, onclick) {
    return element("button", { type: "button", onclick }, label);
  }

  draw() {
    const id = formOf(TAB).image ?? "";
    this.classList.toggle("has-picture", Boolean(id));
    this.empty.hidden = Boolean(id);
    this.remove.hidden = !id;
    this.facts.textContent = id && picture.id === id ? `${picture.width} × ${picture.height}` : "";
    const isShown = id && picture.id === id;
    const notes = isShown && !picture.width ? ["this picture is no longer there"] : picture.notes;
    this.notes.replaceChildren(...(isShown ? notes : []).map((note) => element("li", {}, sentence(note))));
  }

  drag(event) {
    if (!isInSight() || !(event.dataTransfer.types.includes("Files") || event.dataTransfer.types.includes("text/uri-list"))) return;
    if (event.target.closest("textarea, input") && !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault(); // else the browser leaves this page for the picture
    this.classList.toggle("is-target", event.type === "dragover");
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => this.classList.remove("is-target"), 300);
    if (event.type !== "drop") return;
    const [id, file] = [idOf(event.dataTransfer), imageOf(event.dataTransfer)];
    if (id) this.take(inputFromGallery(id), "the picture that was dropped");
    else if (file) this.takeFile(file);
    else this.problem.textContent = "That is no picture.";
  }

  paste(event) {
    const file = imageOf(event.clipboardData);
    if (!file || !isInSight()) return;
    event.preventDefault();
    this.takeFile(file, "the picture that was pasted");
  }

  takeFile(file, what = "another picture") {
    if (!file) return;
    const began = performance.now();
    const tell = (share) => {
      this.bar.hidden = performance.now() - began < SHOWN_AFTER_MS;
      this.bar.value = share;
    };
    this.file.value = "";
    return this.take(inputFromFile(file, tell), what);
  }

  async take(coming, what) {
    this.problem.textContent = "";
    this.ariaBusy = "true";
    try {
      startFrom(await coming, what);
      this.close();
    } catch (error) {
      this.problem.textContent = error.message;
    }
    this.ariaBusy = "false";
    this.bar.hidden = true;
  }

  choose() {
    if (!this.results.hidden) return this.close();
    const all = view.state ? pictures(view.state).slice(0, MOST) : [];
    const tile = ({ id, url, prompt }) => {
      const image = element("img", { src: url, alt: prompt, draggable: false });
      const onclick = () => this.take(inputFromGallery(id), "another picture");
      return element("li", {}, element("button", { type: "button", onclick }, image));
    };
    this.results.replaceChildren(...all.map(tile));
    if (!all.length) this.results.replaceChildren(element("li", {}, "There is none yet."));
    this.results.hidden = false;
    this.chooser.ariaExpanded = "true";
  }

  close() {
    this.results.hidden = true;
    this.chooser.ariaExpanded = "false";
  }
}

customElements.define("taffy-source", Source);
