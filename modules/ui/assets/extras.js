// <taffy-extras>: which pictures to make larger, by what, how large. One, many, or a folder of this computer.

import { batchLines } from "./batch-lines.js";
import { arrange, element } from "./elements.js";
import { asked } from "./extras-made.js";
import "./extras-stage.js";
import { field, number, select } from "./extras-fields.js";
import { idOf } from "./transfer.js";
import { inputFromFile, inputFromGallery, post } from "./source-upload.js";
import { bestOf, upscalers } from "./upscalers.js";
import { asked as say } from "./view.js";

const KEY = "taffy-extras";
const DEFAULTS = { upscaler: "", way: "scale", scale: 2, width: 1024, height: 1024, crop: false, second: "", share: 0.5 };

class Extras extends HTMLElement {
  async connectedCallback() {
    this.inputs = []; // {id, url, width, height, name, notes}
    this.values = { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
    this.replaceChildren(this.source(), element("p", { className: "taffy-hint" }, "Reading the list of upscalers …"));
    this.listening = new AbortController();
    const { signal } = this.listening;
    for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => this.drag(event), { signal });
    document.addEventListener("paste", (event) => this.paste(event), { signal });
    document.addEventListener("click", ({ target }) => target.closest("#extras-go") && this.start(), { signal });
    this.known = await upscalers();
    this.lastElementChild.replaceWith(...this.controls());
    this.draw();
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  source() {
    const files = { type: "file", accept: "image/*", multiple: true, className: "taffy-spoken", tabIndex: -1, ariaHidden: "true" };
    this.file = element("input", { ...files, onchange: () => this.take([...this.file.files].map((file) => [file.name, () => inputFromFile(file)])) });
    const choose = element("button", { type: "button", onclick: () => this.file.click() }, "Choose files");
    this.clear = element("button", { type: "button", onclick: () => this.remove() }, "Remove all");
    this.facts = element("span", { className: "taffy-source-facts" });
    this.list = element("ul", { className: "taffy-extras-list", ariaLabel: "Pictures to make larger" });
    this.folder = element("input", { type: "text", placeholder: "/home/me/pictures", spellcheck: false, oninput: () => this.draw() });
    const hint = matchMedia("(pointer: coarse)").matches ? "Choose pictures to make larger." : "Drop pictures here, or paste one with Ctrl+V.";
    this.hint = element("p", {}, hint);
    this.said = element("div", { className: "taffy-extras-said", role: "status" });
    const folder = field("Or all pictures of a folder of this computer", this.folder);
    const bar = element("div", { className: "taffy-source-bar" }, choose, this.clear, this.facts);
    return element("div", { className: "taffy-extras-source" }, this.hint, bar, this.file, this.list, folder, this.said);
  }

  controls() {
    const { values } = this;
    const change = (name) => (value) => this.change({ [name]: value });
    const usable = this.known.filter(({ problem }) => !problem);
    const isThere = (name) => usable.some((one) => one.name === name);
    if (!isThere(values.upscaler)) values.upscaler = bestOf(this.known);
    if (!isThere(values.second)) values.second = "";
    const names = this.known.filter(({ name }) => name !== "None").map(({ name, problem }) => ({ value: name, label: name, problem }));
    this.whenScale = element("div", { className: "taffy-extras-row" }, field("Times larger", number(values.scale, { min: 1, max: 8, step: 0.5 }, change("scale"))));
    const sides = ["width", "height"].map((side) => field(side === "width" ? "Width" : "Height", number(values[side], { min: 1, max: 65536, step: 1 }, change(side))));
    const crop = element("input", { type: "checkbox", checked: values.crop, onchange: () => this.change({ crop: crop.checked }) });
    this.whenSize = element("div", { className: "taffy-extras-row" }, ...sides, element("label", { className: "taffy-extras-check" }, crop, " Fill it and cut what is too much"));
    const ways = [{ value: "scale", label: "Times larger" }, { value: "size", label: "To a size" }];
    const second = [{ value: "", label: "None" }, ...names];
    this.whenSecond = field("Its share", number(values.share, { min: 0, max: 1, step: 0.05 }, change("share")));
    const files = this.known.some(({ size }) => size);
    const more = "Put upscalers (ESRGAN, Real-ESRGAN, SwinIR, DAT, HAT …; .safetensors or .pth) into models/ESRGAN for sharper pictures.";
    return [
      field("Upscaler", select(names, values.upscaler, change("upscaler"))),
      element("p", { className: "taffy-hint", hidden: files }, more),
      this.problems(),
      field("How large", select(ways, values.way, change("way"))),
      this.whenScale,
      this.whenSize,
      element("div", { className: "taffy-extras-row" }, field("Mixed with", select(second, values.second, change("second"))), this.whenSecond),
    ];
  }

  /** Files that cannot be used, each with its reason. */
  problems() {
    const bad = this.known.filter(({ problem }) => problem);
    const lines = bad.map(({ name, problem }) => element("li", {}, `${name}: ${problem}`));
    const words = `${bad.length} ${bad.length === 1 ? "file" : "files"} cannot be used`;
    return element("details", { hidden: !bad.length }, element("summary", {}, words), element("ul", {}, ...lines));
  }

  change(values) {
    Object.assign(this.values, values);
    localStorage.setItem(KEY, JSON.stringify(this.values));
    this.draw();
  }

  draw() {
    const { inputs, values } = this;
    this.facts.textContent = inputs.length > 1 ? `${inputs.length} pictures` : inputs.map(({ width, height }) => `${width} × ${height}`).join("");
    this.hint.hidden = this.clear.hidden = false;
    if (inputs.length) this.hint.hidden = true;
    else this.clear.hidden = true;
    arrange(this.list, inputs, ({ id }) => id, (input) => this.tile(input));
    if (!this.whenScale) return;
    this.whenScale.hidden = values.way !== "scale";
    this.whenSize.hidden = values.way !== "size";
    this.whenSecond.hidden = !values.second;
  }

  tile({ id, url, width, height, name, notes }) {
    const image = element("img", { src: url, alt: name, title: [`${name}, ${width} × ${height}`, ...notes].join("\n") });
    const remove = element("button", { type: "button", ariaLabel: `Remove ${name}`, onclick: () => this.remove(id) }, "×");
    return element("li", {}, image, remove);
  }

  remove(id) {
    this.inputs = id ? this.inputs.filter((input) => input.id !== id) : [];
    this.draw();
  }

  /** Bring pictures one after the other; those that are none are named with the reason. */
  async take(coming) {
    const problems = [];
    for (const [at, [name, bring]] of coming.entries()) {
      this.tell([coming.length > 1 ? `Reading ${at + 1} of ${coming.length} …` : "Reading …"]);
      try {
        const input = await bring();
        this.inputs = [...this.inputs.filter(({ id }) => id !== input.id), { ...input, name }];
        problems.push(...input.notes.map((note) => `${name}: ${note}`));
      } catch (error) {
        problems.push(`${name}: ${error.message}`);
      }
      this.draw();
    }
    this.file.value = "";
    this.tell(problems);
  }

  isInSight() {
    return Boolean(this.offsetParent);
  }

  drag(event) {
    const { types, files } = event.dataTransfer;
    if (!this.isInSight() || !(types.includes("Files") || types.includes("text/uri-list"))) return;
    event.preventDefault(); // else the browser leaves this page for the picture
    if (event.type !== "drop") return;
    const id = idOf(event.dataTransfer);
    if (id) this.take([["a result", () => inputFromGallery(id)]]);
    else if (!files.length) this.tell(["That is no picture."]);
    else this.take([...files].map((file) => [file.name, () => inputFromFile(file)]));
  }

  paste(event) {
    const files = [...event.clipboardData.files].filter(({ type }) => type.startsWith("image/"));
    if (!files.length || !this.isInSight()) return;
    event.preventDefault();
    this.take(files.map((file) => [file.name, () => inputFromFile(file)]));
  }

  request() {
    const { upscaler, way, scale, width, height, crop, second, share } = this.values;
    const size = way === "size" ? { width, height, crop } : { scale };
    return { kind: "upscale", upscaler, ...size, ...(second ? { second_upscaler: second, second_share: share } : {}) };
  }

  async start() {
    const folder = this.folder.value.trim();
    const ids = this.inputs.map(({ id }) => id);
    this.tell([]);
    try {
      if (!folder && !ids.length) throw new Error("There is no picture yet. Choose files, drop some here, or name a folder.");
      if (folder && ids.length) throw new Error("There are pictures and a folder. Remove one of them.");
      if (ids.length === 1) this.took(await post("/jobs", { ...this.request(), image: ids[0] }));
      else this.answered(await post("/batch", { request: this.request(), ...(folder ? { folder } : { inputs: ids }) }));
    } catch (error) {
      say(false);
      this.tell([error.message]);
    }
  }

  took({ id, notes }) {
    asked([id]);
    this.tell(notes);
  }

  answered({ ids, notes, refused }) {
    asked(ids);
    const names = Object.fromEntries(this.inputs.map(({ id, name }) => [id, name]));
    this.tell(batchLines({ ids, notes, refused }, names));
  }

  tell(lines) {
    this.said.replaceChildren(...lines.map((line) => element("p", {}, line)));
  }
}

customElements.define("taffy-extras", Extras);
