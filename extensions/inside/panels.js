// What lies beside the picture: one panel is open at a time, chosen by tabs that arrow keys walk through.

import { element } from "/taffy/elements.js";

export class Panels {
  /** panels: {id, label, root, know(known), at(step), opened(), closed()}; all but the first three may be missing. */
  constructor(panels) {
    this.panels = panels;
    this.list = element("div", { className: "inside-tabs", role: "tablist", ariaLabel: "What to look at" });
    this.list.addEventListener("keydown", (event) => this.walk(event));
    this.root = element("div", { className: "inside-panels" }, this.list);
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
      panel.root.hidden = !chosen;
      panel.tab.setAttribute("aria-selected", String(chosen));
      panel.tab.tabIndex = chosen ? 0 : -1;
    }
    this.root.dataset.open = id;
    if (before !== this.current) before?.closed?.();
    if (this.known) this.current.opened?.();
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
    this.known = known;
    this.current.closed?.();
    for (const panel of this.panels) panel.know?.(known);
    this.current.opened?.();
  }

  at(step) {
    for (const panel of this.panels) panel.at?.(step);
  }
}
