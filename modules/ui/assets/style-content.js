// <taffy-style-content>: the picture whose content stays.

import { element } from "./elements.js";
import { formOf, overwrite } from "./form.js";
import { inputUrl } from "./source-upload.js";
import { about, asContent, PictureBox, TAB } from "./style-source.js";

const COARSE = matchMedia("(pointer: coarse)").matches;
const HINT = COARSE ? "Choose the picture to give another look." : "Drop the picture to give another look here, or paste it with Ctrl+V.";

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;

class Content extends PictureBox {
  title = "Content picture";
  label = "the content";

  build() {
    const away = () => overwrite("removing the content picture", { image: "", parent: "", origin: "" });
    this.remove = element("button", { type: "button", onclick: away }, "Remove");
    this.chooser.after(this.remove);
    this.hint = element("p", { className: "taffy-style-hint" }, HINT);
    this.image = element("img", { className: "taffy-style-content", alt: "Content picture", draggable: false, hidden: true });
    this.notes = element("ul", { className: "taffy-source-notes" });
    this.firstChild.after(this.hint, this.image);
    this.append(this.notes);
  }

  owns(target) {
    return !target.closest("taffy-style-pictures");
  }

  chosen(input, what) {
    overwrite(what, asContent(input));
  }

  async draw() {
    const id = formOf(TAB).image ?? "";
    if (id === this.id_) return;
    this.id_ = id;
    this.hint.hidden = Boolean(id);
    this.remove.hidden = !id;
    this.facts.textContent = "";
    this.notes.replaceChildren();
    this.image.hidden = !id;
    const known = id && (await about(id));
    if (!id || id !== this.id_) return;
    this.image.hidden = !known;
    if (known) this.image.src = inputUrl(id);
    this.facts.textContent = known ? `${known.width} × ${known.height}` : "";
    const notes = known?.notes ?? ["this picture is no longer there"];
    this.notes.replaceChildren(...notes.map((note) => element("li", {}, sentence(note))));
  }
}

customElements.define("taffy-style-content", Content);
