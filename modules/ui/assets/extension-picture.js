// A control of an extension whose value is a picture: chosen, dropped, or the one that is shown.

import { element } from "./elements.js";
import { form, watchForm, write } from "./form.js";
import { inputFromFile, inputUrl } from "./source-upload.js";

class ExtensionPicture extends HTMLElement {
  connectedCallback() {
    const { name, label } = this.dataset;
    this.file = element("input", { type: "file", accept: "image/*", id: `picture-${name}`, onchange: () => this.take(this.file.files[0]) });
    this.shown = element("img", { alt: label, hidden: true });
    this.remove_ = element("button", { type: "button", hidden: true, onclick: () => this.set(null) }, "Take away");
    this.said = element("p", { className: "taffy-hint", role: "status" });
    this.replaceChildren(element("label", { htmlFor: this.file.id }, label), this.file, this.shown, this.remove_, this.said);
    this.ondragover = (event) => event.preventDefault();
    this.ondrop = (event) => {
      event.preventDefault();
      this.take(event.dataTransfer.files[0]);
    };
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

  async take(file) {
    if (!file) return;
    try {
      const { id, notes } = await inputFromFile(file, (share) => (this.said.textContent = `${Math.round(100 * share)} %`));
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
