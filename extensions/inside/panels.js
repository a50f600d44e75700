// What lies beside the picture: one panel is open at a time, chosen by tabs that arrow keys walk through.

import { element } from "/taffy/elements.js";

const LATER = {
  way: "Another way can be taken from any step as soon as the picture is done.",
  weights: "When the picture is done it can be made again without each of its words.",
  carrying: "When the picture is done it can be saved with its steps, filmed, and made again to check it.",
  original: "When the picture is done it can be compared with others.",
};

export class Panels {
  /**
   * panels: {id, label, root, live, know(known), at(step), grown(words), opened(), closed()}; all but the first three may
   * be missing. live: it has something to show of a picture that is being made, and hears of what is new by `grown`.
   */
  constructor(panels) {
    this.panels = panels;
    this.list = element("div", { className: "inside-tabs", role: "tablist", ariaLabel: "What to look at" });
    this.list.addEventListener("keydown", (event) => this.walk(event));
    this.later = element("section", { className: "inside-panel", role: "tabpanel", hidden: true });
    this.root = element("div", { className: "inside-panels" }, this.list, this.later);
    for (const panel of panels) this.add(panel);
    this.open(panels[0].id);
  }

  add(panel) {
    const { id, label, root } = panel;
    const tab = element("button", { type: "button", id: `inside-tab-${id}`, role: "tab", onclick: () => this.open(id) }, label);
    tab.setAttribute("aria-controls", `inside-panel-${id}`);
    Object.assign(root, { id: `inside-panel-${id}`, role: "tabpanel", hidden: true });
    root.classList.add("inside-panel");
    root.setAttribute("aria-labelledby", tab.id);
    panel.tab = tab;
    this.list.append(tab);
    this.root.append(root);
  }

  get(id) {
    return this.panels.find((panel) => panel.id === id);
  }

  open(id) {
    const before = this.current;
    this.current = this.get(id);
    for (const panel of this.panels) {
      const chosen = panel === this.current;
      panel.tab.setAttribute("aria-selected", String(chosen));
      panel.tab.tabIndex = chosen ? 0 : -1;
    }
    this.root.dataset.open = id;
    if (before !== this.current) before?.closed?.();
    this.reveal();
  }

  /** Whether a panel has to wait until the picture is done. */
  waits(panel) {
    return Boolean(this.known?.live) && !panel.live;
  }

  reveal() {
    const waits = this.waits(this.current);
    for (const panel of this.panels) panel.root.hidden = panel !== this.current || waits;
    this.later.hidden = !waits;
    this.later.setAttribute("aria-labelledby", this.current.tab.id);
    if (waits) this.later.replaceChildren(element("h3", {}, this.current.label), element("p", {}, LATER[this.current.id]));
    else if (this.known) this.current.opened?.();
  }

  walk(event) {
    const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const at = this.panels.indexOf(this.current) + way;
    const next = this.panels.at(at % this.panels.length);
    this.open(next.id);
    next.tab.focus();
  }

  know(known) {
    if (known.way !== this.known?.way) this.current.closed?.();
    this.known = known;
    for (const panel of this.panels) if (!this.waits(panel)) panel.know?.(known);
    this.reveal();
  }

  at(step) {
    for (const panel of this.panels) if (!this.waits(panel)) panel.at?.(step);
  }

  /** A picture that is being made has new steps. words: where they looked in them, as far as somebody watches. */
  grown(words) {
    for (const panel of this.panels) panel.grown?.(words);
  }
}
