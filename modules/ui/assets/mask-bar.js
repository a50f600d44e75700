// The buttons above the picture that is painted on.

import { element } from "./elements.js";
import { svg } from "./mask-overlay.js";

const ICONS = {
  brush: "M4 20c3 0 5-1 5-4l9-11 2 2-10 9M9 13l3 3",
  eraser: "M5 15 14 5l6 6-8 9H8zM9 10l6 6M8 20h12",
  rectangle: "M4 6h16v12H4z",
  lasso: "M6 15c-4-4 0-9 6-9s9 3 7 7-9 5-12 3c-2-1-1-3 1-3s2 3-1 7",
  move: "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3",
  undo: "M8 5 4 9l4 4M4 9h9a6 6 0 0 1 0 12H8",
  redo: "m16 5 4 4-4 4M20 9h-9a6 6 0 0 0 0 12h5",
  closer: "M12 5v14M5 12h14",
  farther: "M5 12h14",
  large: "M13 4h7v7M20 4l-7 7M11 20H4v-7M4 20l7-7",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
};
const TOOLS = {
  brush: "Brush (B): paint what may change",
  eraser: "Eraser (E)",
  rectangle: "Fill a rectangle",
  lasso: "Fill what you draw around",
  move: "Move the picture (V, or hold the space bar)",
};

function icon(name) {
  const path = svg("path", { d: ICONS[name] });
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, path);
}

function button(name, title, onclick) {
  const made = element("button", { type: "button", title, ariaLabel: title, onclick });
  made.append(icon(name));
  return made;
}

export class Bar {
  constructor(editor) {
    this.editor = editor;
    this.tools = Object.entries(TOOLS).map(([tool, title]) => button(tool, title, () => editor.choose(tool)));
    this.size = element("input", { type: "range", min: 0, max: 1, step: 0.01, ariaLabel: "Brush size" });
    this.size.title = "Brush size ([ and ], or Alt with the wheel)";
    this.size.oninput = () => editor.resizeTo(this.largest() ** this.size.value);
    this.undo = button("undo", "Undo (Ctrl+Z)", () => editor.undo());
    this.redo = button("redo", "Redo (Ctrl+Shift+Z)", () => editor.redo());
    const group = (label, ...children) => element("span", { role: "group", ariaLabel: label }, ...children);
    this.root = element(
      "div",
      { className: "taffy-mask-bar", role: "group", ariaLabel: "Mask tools" },
      group("Tool", ...this.tools),
      this.size,
      group("History of the mask", this.undo, this.redo),
      group(
        "Zoom",
        button("farther", "Farther (-, or Ctrl with the wheel)", () => editor.view.zoom(0.8)),
        button("closer", "Closer (+, or Ctrl with the wheel)", () => editor.view.zoom(1.25)),
        button("fit", "The whole picture (0)", () => editor.view.fit()),
        button("large", "As large as the window (Esc to go back)", () => editor.enlarge()),
      ),
    );
  }

  largest() {
    const { width, height } = this.editor.view.size;
    return Math.max(2, Math.min(width, height));
  }

  draw() {
    const { tool, brush, mask } = this.editor;
    Object.keys(TOOLS).forEach((name, at) => (this.tools[at].ariaPressed = String(name === tool)));
    this.size.value = Math.log(brush) / Math.log(this.largest());
    this.size.setAttribute("aria-valuetext", `${Math.round(brush)} pixels`);
    this.undo.ariaDisabled = String(mask.done.length === 0);
    this.redo.ariaDisabled = String(mask.undone.length === 0);
  }
}
