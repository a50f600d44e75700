// What a picture was made from, as small pictures, the oldest first; and how like a fast picture and its exact one are.

import { element } from "./elements.js";
import { pictures } from "./pictures.js";
import { view } from "./view.js";

/** Show it on this page if it is here; else the link opens it. */
function open(event, id) {
  if (!pictures(view.state).some((picture) => picture.id === id)) return;
  event.preventDefault();
  document.dispatchEvent(new CustomEvent("taffy-show", { detail: { picture: id } }));
}

function likeness(near, { origin }) {
  if (near === null) return "";
  return `${origin === "exact" ? "The fast picture's" : "Its"} likeness to the exact one: ${near.toFixed(3)} (SSIM; 1 is equal).`;
}

export class History {
  constructor() {
    this.list = element("ol", { ariaLabel: "What it was made from, oldest first" });
    this.near = element("p", { className: "taffy-hint", hidden: true });
    this.root = element("div", { className: "taffy-history", hidden: true }, element("span", {}, "Made from"), this.list);
  }

  async show({ id, url }) {
    if (id === this.id) return;
    this.id = id;
    this.root.hidden = this.near.hidden = true;
    const answer = await fetch(`${url}/history`).catch(() => null); // the page says when the server is away
    if (!answer?.ok || id !== this.id) return;
    const { ancestors, picture, near } = await answer.json();
    const steps = ancestors.map((one, at) => this.step(one, (ancestors[at + 1] ?? picture).origin));
    this.list.replaceChildren(...steps);
    this.root.hidden = !steps.length;
    this.near.textContent = likeness(near, picture);
    this.near.hidden = !this.near.textContent;
  }

  /** act: what was done with it. */
  step({ id, url, seed }, act) {
    const alt = `Seed ${seed}`;
    const link = element("a", { href: url, target: "_blank", onclick: (event) => open(event, id) });
    link.append(element("img", { src: url, alt, loading: "lazy" }));
    return element("li", {}, link, element("span", {}, act || "img2img", " →"));
  }
}
