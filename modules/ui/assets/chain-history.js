// What a picture was made from, as small pictures, the oldest first.

import { element } from "./elements.js";
import { pictures } from "./pictures.js";
import { view } from "./view.js";

/** Show it on this page if it is here; else the link opens it. */
function open(event, id) {
  if (!pictures(view.state).some((picture) => picture.id === id)) return;
  event.preventDefault();
  document.dispatchEvent(new CustomEvent("taffy-show", { detail: { picture: id } }));
}

export class History {
  constructor() {
    this.list = element("ol", { ariaLabel: "What it was made from, oldest first" });
    this.root = element("div", { className: "taffy-history", hidden: true }, element("span", {}, "Made from"), this.list);
  }

  async show({ id, url }) {
    if (id === this.id) return;
    this.id = id;
    this.root.hidden = true;
    const answer = await fetch(`${url}/history`).catch(() => null); // the page says when the server is away
    if (!answer?.ok || id !== this.id) return;
    const { ancestors, picture } = await answer.json();
    const steps = ancestors.map((one, at) => this.step(one, (ancestors[at + 1] ?? picture).origin));
    this.list.replaceChildren(...steps);
    this.root.hidden = !steps.length;
  }

  /** act: what was done with it. */
  step({ id, url, seed }, act) {
    const alt = `Seed ${seed}`;
    const link = element("a", { href: url, target: "_blank", onclick: (event) => open(event, id) });
    link.append(element("img", { src: url, alt, loading: "lazy" }));
    return element("li", {}, link, element("span", {}, act || "img2img", " →"));
  }
}
