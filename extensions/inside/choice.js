// The strip of pictures that somebody can see inside of: what is being made now, then the newest first.

import { arrange, element } from "/taffy/elements.js";

export const LIVE = { id: "live" };
const SHOWN = 40;

/** A small picture that can be pressed. */
export function offered({ id, url, prompt, seed }, open) {
  const name = `${prompt || "Picture without words"}, seed ${seed}`;
  const image = element("img", { src: url, alt: name, loading: "lazy" });
  return element("li", {}, element("button", { type: "button", title: name, onclick: () => open(id) }, image));
}

function live(begin) {
  const title = "The picture that is being made now";
  return element("li", {}, element("button", { type: "button", className: "inside-live", title, onclick: begin }, "Live"));
}

export class Choice {
  /** open(id): a picture. begin(): what is being made. */
  constructor(open, begin) {
    Object.assign(this, { open, begin });
    this.root = element("ul", { className: "inside-choice", ariaLabel: "Your pictures, newest first" });
  }

  draw(made, running) {
    const items = [...(running ? [LIVE] : []), ...made.slice(0, SHOWN)];
    const create = (one) => (one === LIVE ? live(this.begin) : offered(one, this.open));
    arrange(this.root, items, ({ id }) => id, create, (item) => this.mark(item));
  }

  press(id) {
    this.id = id;
    for (const item of this.root.children) this.mark(item);
  }

  mark(item) {
    item.firstChild.setAttribute("aria-pressed", String(item.dataset.key === this.id));
  }
}
