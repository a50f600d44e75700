// What the boxes for pictures of the style tab share: a picture comes as a file, a drop, Ctrl+V, or from the results.

import { element } from "./elements.js";
import { currentTab, openTab, overwrite, watchForm } from "./form.js";
import { pictures } from "./pictures.js";
import { idOf, imageOf } from "./transfer.js";
import { inputAbout, inputFromFile, inputFromGallery } from "./source-upload.js";
import { view } from "./view.js";

export const TAB = "style";
const MOST = 24; // results to choose from

const isInSight = () => currentTab() === TAB && Boolean(document.querySelector(`#taffy-frame-${TAB}`)?.offsetParent);

/** The values that make this input the content picture. */
export const asContent = ({ id, parent = "" }) => ({ image: id, parent, origin: parent ? TAB : "" });

/** Take a picture of the gallery over to this tab, as the content. */
export async function sendToStyle({ id }) {
  await sendInputToStyle({ ...(await inputFromGallery(id)), parent: id });
}

/** The same with an input. more: further fields. */
export async function sendInputToStyle(input, more = {}) {
  await openTab(TAB);
  overwrite("the picture that was sent", { ...asContent(input), ...more });
  document.querySelector("taffy-style-content")?.scrollIntoView({ block: "nearest" });
}

const known = new Map(); // id of an input -> promise of what the server knows of it

/** {width, height, notes}, or null for one that is no longer there. */
export function about(id) {
  if (!known.has(id)) known.set(id, inputAbout(id).catch(() => null));
  return known.get(id);
}

/** A subclass says what it is for (`hint`, `label`), which events are for it (`owns(target)`), what to do with a picture
(`chosen(input, what)`), and how it follows the form (`draw()`). */
export class PictureBox extends HTMLElement {
  connectedCallback() {
    this.classList.add("taffy-style-box");
    this.file = element("input", { type: "file", accept: "image/*", className: "taffy-spoken", tabIndex: -1 });
    this.file.ariaHidden = "true";
    this.file.onchange = () => this.takeFile(this.file.files[0], "another picture");
    this.chooser = element("button", { type: "button", ariaExpanded: "false", onclick: () => this.choose() }, "From results");
    this.facts = element("span", { className: "taffy-source-facts" });
    const choose = element("button", { type: "button", onclick: () => this.file.click() }, "Choose a file");
    this.bar = element("div", { className: "taffy-source-bar" }, choose, this.chooser, this.facts);
    this.problem = element("p", { className: "taffy-source-problem", role: "alert" });
    this.results = element("ul", { className: "taffy-thumbs", ariaLabel: `Results to use as ${this.label}`, hidden: true });
    this.replaceChildren(element("h3", {}, this.title), this.bar, this.file, this.results, this.problem);
    this.build();
    this.listening = new AbortController();
    const { signal } = this.listening;
    for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => this.drag(event), { signal });
    document.addEventListener("paste", (event) => this.paste(event), { signal });
    this.end = watchForm(() => this.draw());
  }

  disconnectedCallback() {
    this.listening.abort();
    this.end();
  }

  drag(event) {
    const kinds = event.dataTransfer?.types ?? [];
    const isPicture = kinds.includes("Files") || (kinds.includes("text/uri-list") && !event.target.closest("textarea, input"));
    if (!isPicture || !isInSight() || !this.owns(event.target)) return;
    event.preventDefault(); // else the browser leaves this page for the picture
    this.classList.toggle("is-target", event.type === "dragover");
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => this.classList.remove("is-target"), 300);
    if (event.type !== "drop") return;
    const [id, file] = [idOf(event.dataTransfer), imageOf(event.dataTransfer)];
    if (id) this.take(inputFromGallery(id), "the picture that was dropped");
    else if (file) this.takeFile(file, "the picture that was dropped");
    else this.problem.textContent = "That is no picture.";
  }

  /** What is pasted goes to the box under the pointer or with the focus; else it is the content. */
  paste(event) {
    const file = imageOf(event.clipboardData);
    if (!file || !isInSight() || !this.owns(document.querySelector(".taffy-style-box:is(:hover, :focus-within)") ?? event.target)) return;
    event.preventDefault();
    this.takeFile(file, "the picture that was pasted");
  }

  takeFile(file, what) {
    this.file.value = "";
    return file && this.take(inputFromFile(file), what);
  }

  async take(coming, what) {
    this.problem.textContent = "";
    this.ariaBusy = "true";
    try {
      this.chosen(await coming, what);
      this.close();
    } catch (error) {
      this.problem.textContent = error.message;
    }
    this.ariaBusy = "false";
  }

  choose() {
    if (!this.results.hidden) return this.close();
    const all = view.state ? pictures(view.state).slice(0, MOST) : [];
    const tile = ({ id, url, prompt, seed }) => {
      const onclick = () => this.take(inputFromGallery(id), "another picture");
      const image = element("img", { src: url, alt: prompt || `Seed ${seed}`, draggable: false });
      return element("li", {}, element("button", { type: "button", onclick }, image));
    };
    this.results.replaceChildren(...(all.length ? all.map(tile) : [element("li", {}, "There is none yet.")]));
    this.results.hidden = false;
    this.chooser.ariaExpanded = "true";
  }

  close() {
    this.results.hidden = true;
    this.chooser.ariaExpanded = "false";
  }
}
