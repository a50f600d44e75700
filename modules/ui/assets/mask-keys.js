// The mask by keyboard alone: the arrows move the brush, the space bar paints, letters choose the tool.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FINER = 1 / 8; // with Shift

export class Keys {
  constructor(editor) {
    this.editor = editor;
    this.at = null; // the brush in pixels of the picture, once an arrow was pressed
    this.isSpace = false; // held
    this.acts = {
      b: () => editor.choose("brush"),
      e: () => editor.choose("eraser"),
      v: () => editor.choose("move"),
      "[": () => editor.resizeBrush(1 / 1.2),
      "]": () => editor.resizeBrush(1.2),
      "+": () => editor.view.zoom(1.25),
      "=": () => editor.view.zoom(1.25),
      "-": () => editor.view.zoom(0.8),
      0: () => editor.view.fit(),
    };
    editor.field.addEventListener("keydown", (event) => this.press(event));
    editor.field.addEventListener("keyup", (event) => event.key === " " && this.lift());
    editor.field.addEventListener("blur", () => this.lift());
    editor.field.addEventListener("pointermove", () => (this.at = null));
  }

  press(event) {
    const act = this.meaning(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  meaning(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      if (key === "y" || (key === "z" && event.shiftKey)) return () => this.editor.redo();
      return key === "z" ? () => this.editor.undo() : null;
    }
    if (event.altKey) return null;
    if (ARROWS[key]) return () => this.go(ARROWS[key], event.shiftKey ? FINER : 1);
    if (key === " ") return () => this.space();
    return this.acts[key] ?? null;
  }

  /** A quarter of the brush per press; while the space bar is held, it paints. */
  go([right, down], share) {
    const { view, size, mask, opacity } = this.editor;
    const { width, height } = view.size;
    const from = this.at ?? [width / 2, height / 2];
    const far = Math.max(1, (size / 4) * share);
    const within = (value, most) => Math.min(most, Math.max(0, value));
    this.at = this.at ? [within(from[0] + right * far, width), within(from[1] + down * far, height)] : from;
    if (this.isSpace) mask.line(from, this.at, size, opacity);
    this.editor.hover(this.at);
    this.editor.say(`${Math.round(this.at[0])}, ${Math.round(this.at[1])}`);
  }

  space() {
    if (this.isSpace) return;
    this.isSpace = true; // with the mouse it moves the picture
    if (!this.at) return;
    const { mask, size, opacity, tool } = this.editor;
    mask.line(this.at, this.at, size, opacity);
    this.editor.say(tool === "eraser" ? "Erased here" : "Painted here");
  }

  lift() {
    if (this.isSpace && this.at) this.editor.mask.end();
    this.isSpace = false;
  }
}
