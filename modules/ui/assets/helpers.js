// Small helpers beside the numbers: sizes and shapes, the seed, and what was overwritten last.

import { currentCard, watchCards } from "./cards.js";
import { element } from "./elements.js";
import { currentTab, form, newestOf, overwrite, overwrites, undo, watchForm } from "./form.js";
import { view } from "./view.js";

const SHAPES = { Square: [1, 1], Portrait: [1, 1.5], Landscape: [1.5, 1] }; // of the checkpoint's native size

const button = (label, title, onclick, ...children) =>
  element("button", { type: "button", title, ariaLabel: label, onclick }, ...children);

/** A size in pixels that a checkpoint can make, as near to a shape as it gets. */
function size(card, shape) {
  const fit = (share) => Math.round((share * card.native_size) / card.size_multiple) * card.size_multiple;
  return { width: fit(shape[0]), height: fit(shape[1]) };
}

class Sizes extends HTMLElement {
  connectedCallback() {
    this.shapes = element("span", { role: "group", ariaLabel: "Shape" });
    const swap = button("Swap width and height", "Swap width and height", () => {
      const { width, height } = newestOf(currentTab());
      overwrite("width and height swapped", { width: height, height: width });
    });
    swap.append(element("span", { ariaHidden: "true" }, "⇄"), " Swap");
    this.replaceChildren(this.shapes, swap);
    this.ends = [watchCards(() => this.draw()), watchForm(() => this.draw())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  draw() {
    const card = currentCard();
    const names = card ? Object.keys(SHAPES) : [];
    if (card !== this.card) this.shapes.replaceChildren(...names.map((name) => this.shape(name)));
    this.card = card;
    for (const shown of this.shapes.children) {
      const { width, height } = size(card, SHAPES[shown.ariaLabel]);
      shown.ariaPressed = String(width === Number(form.values.width) && height === Number(form.values.height));
      shown.title = `${width} × ${height}`;
    }
  }

  shape(name) {
    const icon = element("span", { className: `taffy-shape ${name.toLowerCase()}`, ariaHidden: "true" });
    const set = () => overwrite(`${name.toLowerCase()} size`, size(currentCard(), SHAPES[name]));
    return button(name, "", set, icon, name);
  }
}

class Seed extends HTMLElement {
  connectedCallback() {
    const any = () => overwrite("any seed", { seed: -1 });
    const dice = button("Any seed", "Another picture every time (-1)", any, "Any seed");
    const reuse = button("Last seed", "The seed of the newest picture", () => this.reuse(), "Last seed");
    this.replaceChildren(dice, reuse);
  }

  reuse() {
    const { running, recent = [] } = view.state ?? {};
    const picture = [running, ...recent].flatMap((job) => job?.pictures ?? [])[0];
    if (picture) overwrite("the seed of the newest picture", { seed: picture.seed });
  }
}

class Undo extends HTMLElement {
  connectedCallback() {
    this.what = element("span");
    const properties = { type: "button", title: "Ctrl+Z outside a text field", onclick: undo };
    this.replaceChildren(element("button", properties, "Undo ", this.what));
    this.end = watchForm(() => this.draw());
  }

  disconnectedCallback() {
    this.end();
  }

  draw() {
    const last = overwrites().at(-1);
    this.hidden = !last;
    this.what.textContent = last ? last.what : "";
  }
}

customElements.define("taffy-sizes", Sizes);
customElements.define("taffy-seed", Seed);
customElements.define("taffy-undo", Undo);
