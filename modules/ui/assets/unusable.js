// Under the list of checkpoints: files and folders that cannot be used, each with its reason. Nothing while all can.

import { problems, watchCards } from "./cards.js";
import { element } from "./elements.js";

class Unusable extends HTMLElement {
  connectedCallback() {
    this.summary = element("summary");
    this.list = element("ul");
    this.details = element("details", { hidden: true }, this.summary, this.list);
    this.replaceChildren(this.details);
    this.end = watchCards(() => this.draw());
  }

  disconnectedCallback() {
    this.end();
  }

  draw() {
    const found = problems();
    this.details.hidden = !found.length;
    this.summary.textContent = found.length === 1 ? "One file cannot be used" : `${found.length} files cannot be used`;
    this.list.replaceChildren(...found.map(({ problem }) => element("li", {}, problem)));
  }
}

customElements.define("taffy-unusable", Unusable);
