// A picture that carries its own making comes in: by a button, or dropped anywhere on the tab.

import { element } from "/taffy/elements.js";
import { read } from "/taffy/source-upload.js";

export class Opening {
  /** open(id, note): a picture is here now. say(text): a sentence for the person. */
  constructor(url, open, say) {
    Object.assign(this, { url, open, say });
    this.file = element("input", { type: "file", accept: "image/png", id: "inside-file", className: "inside-file", onchange: () => this.chosen() });
    const label = element("label", { htmlFor: "inside-file" }, "Open a picture that carries its steps");
    this.root = element("div", { className: "inside-opening" }, this.file, label);
  }

  /** What is dropped on `target` is brought in. */
  over(target) {
    const files = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
    target.ondragover = (event) => {
      if (!files(event)) return;
      event.preventDefault();
      target.dataset.over = "";
    };
    target.ondragleave = () => delete target.dataset.over;
    target.ondrop = (event) => {
      if (!files(event)) return;
      event.preventDefault();
      delete target.dataset.over;
      this.bring(event.dataTransfer.files[0]);
    };
  }

  chosen() {
    if (this.file.files.length) this.bring(this.file.files[0]);
    this.file.value = "";
  }

  async bring(file) {
    this.say(`Reading ${file.name} …`);
    try {
      const headers = { "Content-Type": "image/png" };
      const { id, note } = await read(this.url("bring"), { method: "POST", headers, body: file });
      this.open(id, note || "This picture brought its steps with it.");
    } catch (error) {
      this.say(error.message);
    }
  }
}
