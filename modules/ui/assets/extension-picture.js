// A control of an extension whose value is a picture: a file that is chosen or dropped, or a result that is dropped.

import { element } from "./elements.js";
import { form, watchForm, write } from "./form.js";
import { inputFromFile, inputFromGallery, inputUrl } from "./source-upload.js";
import { idOf, imageOf } from "./transfer.js";

class ExtensionPicture extends HTMLElement {
  connectedCallback() {
    const { name, label } = this.dataset;
    this.file = element("input", { type: "file", accept: "image/*", id: `picture-${name}`, onchange: () => this.takeFile(this.file.files[0]) });
    this.shown = element("img", { alt: label, hidden: true });
    this.remove_ = element("button", { type: "button", hidden: true, onclick: () => this.set(null) }, "Take away");
    this.said = element("p", { className: "taffy-hint", role: "status" });
    this.replaceChildren(element("label", { htmlFor: this.file.id }, label), this.file, this.shown, this.remove_, this.said);
    this.ondragover = this.ondrop = (event) => this.drag(event);
    this.stop = watchForm(() => this.draw());
  }

  disconnectedCallback() {
    this.stop();
  }

  draw() {
    const id = form.values[this.dataset.name]?.input ?? "";
    this.shown.hidden = this.remove_.hidden = !id;
    if (id && this.id_ !== id) this.shown.src = inputUrl(id);
    this.id_ = id;
  }

  drag(event) {
    event.preventDefault();
    event.stopPropagation(); // the tab's own picture is another one
    if (event.type !== "drop") return;
    const id = idOf(event.dataTransfer);
    if (id) this.take(inputFromGallery(id));
    else this.takeFile(imageOf(event.dataTransfer));
  }

  takeFile(file) {
    if (file) this.take(inputFromFile(file, (share) => (this.said.textContent = `${Math.round(100 * share)} %`)));
  }

  async take(coming) {
    try {
      const { id, notes } = await coming;
      this.set({ input: id });
      this.said.textContent = notes.join(" ");
    } catch (error) {
      this.said.textContent = error.message;
    }
    this.file.value = "";
  }

  set(value) {
    write({ [this.dataset.name]: value });
  }
}

customElements.define("taffy-extension-picture", ExtensionPicture);
