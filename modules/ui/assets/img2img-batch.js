// <taffy-batch>: the same for many pictures: files, or a folder of the server. A job for each.

import { batchLines } from "./batch-lines.js";
import { element } from "./elements.js";
import { field } from "./extras-fields.js";
import { formOf } from "./form.js";
import { asRequest, TAB } from "./source-picture.js";
import { inputFromFile, post } from "./source-upload.js";
import { asked } from "./view.js";

const OWN = ["prompt", "negative_prompt", "seed", "steps", "cfg_scale", "sampler", "schedule", "strength"];
const NOTHING = { ids: [], notes: [], refused: [] };
const FOLDER = { inputs: [], names: {}, refused: [] };
const ONE_PICTURE = ["image", "mask", "parent", "origin"]; // fields that are not for many

class Batch extends HTMLElement {
  connectedCallback() {
    this.files = element("input", { type: "file", accept: "image/*", multiple: true, className: "taffy-spoken", tabIndex: -1 });
    this.files.ariaHidden = "true";
    this.files.onchange = () => this.count();
    const choose = element("button", { type: "button", onclick: () => this.files.click() }, "Choose files");
    this.chosen = element("span", { role: "status" });
    this.folder = element("input", { type: "text", placeholder: "/home/me/pictures", spellcheck: false });
    this.own = element("input", { type: "checkbox" });
    const folder = field("Or all pictures of a folder of this computer", this.folder);
    const own = element("label", { title: OWN.join(", ").replaceAll("_", " ") }, this.own, " Use each picture's own parameters");
    this.go = element("button", { type: "button", onclick: () => this.start() }, "Generate for all of them");
    this.bar = element("progress", { max: 1, value: 0, hidden: true, ariaLabel: "Uploaded" });
    this.said = element("div", { role: "status" });
    const row = element("div", { className: "taffy-source-bar" }, choose, this.chosen);
    this.replaceChildren(row, this.files, folder, own, this.go, this.bar, this.said);
  }

  count() {
    const { length } = this.files.files;
    this.chosen.textContent = length === 1 ? "1 file" : `${length} files`;
    this.folder.value = "";
  }

  async start() {
    this.go.disabled = true;
    this.said.replaceChildren();
    const request = asRequest(formOf(TAB));
    for (const name of ONE_PICTURE) delete request[name];
    const own = this.own.checked ? OWN : [];
    try {
      const folder = this.folder.value.trim();
      const { inputs, names, refused } = folder ? FOLDER : await this.upload();
      const what = folder ? { folder } : { inputs };
      const answer = folder || inputs.length ? await post("/batch", { request, own, ...what }) : NOTHING;
      asked(answer.ids.length > 0);
      const lines = batchLines({ ...answer, refused: [...refused, ...answer.refused] }, names);
      this.said.replaceChildren(...lines.map((line) => element("p", {}, line)));
    } catch (error) {
      this.said.textContent = error.message;
    }
    this.bar.hidden = true;
    this.go.disabled = false;
  }

  /** The chosen files as inputs: {inputs: ids, names: id -> file name, refused: what is no picture, and why}. */
  async upload() {
    const files = [...this.files.files];
    if (!files.length) throw new Error("Choose files, or name a folder.");
    const [inputs, names, refused] = [[], {}, []];
    this.bar.hidden = false;
    for (const [at, file] of files.entries()) {
      const tell = (share) => (this.bar.value = (at + share) / files.length);
      await inputFromFile(file, tell).then(
        ({ id }) => (inputs.push(id), (names[id] = file.name)),
        ({ message: reason }) => refused.push({ name: file.name, reason }),
      );
    }
    return { inputs, names, refused };
  }
}

customElements.define("taffy-batch", Batch);
