// What mouse, pen and fingers do to the mask and its view. Two fingers zoom and move, the space bar and the middle
// button move, everything else is the tool's.

const WHEEL_ZOOM = 1.0015; // per pixel of the wheel
const WHEEL_SIZE = 1.002;

/** editor: {field, view, mask, tool, size, opacity, isMoving(), hover(point), sketch(points), resizeBrush(factor)} */
export class Pointers {
  constructor(editor) {
    this.editor = editor;
    this.down = new Map(); // pointer id -> its last event
    this.points = []; // of the rectangle or lasso under way
    this.last = null; // where the stroke is, null when none is under way
    const { field } = editor;
    field.addEventListener("pointerdown", (event) => this.press(event));
    field.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) field.addEventListener(end, (event) => this.release(event));
    field.addEventListener("pointerleave", () => editor.hover(null));
    field.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    field.addEventListener("contextmenu", (event) => event.pointerType === "touch" && event.preventDefault());
  }

  press(event) {
    if (event.button > 1) return;
    const { editor } = this;
    editor.field.setPointerCapture(event.pointerId);
    editor.field.focus({ preventScroll: true });
    this.down.set(event.pointerId, event);
    if (this.down.size === 2) return this.pinch();
    if (this.down.size > 2) return;
    event.preventDefault(); // no selecting, no dragging of the picture
    this.isPanning = editor.tool === "move" || editor.isMoving() || event.button === 1;
    if (this.isPanning) return;
    const at = editor.view.toPicture(event);
    this.points = [at];
    this.last = at;
    if (this.isStroke()) this.stroke([at]);
  }

  isStroke = () => ["brush", "eraser"].includes(this.editor.tool);

  stroke(points) {
    const { mask, size, opacity } = this.editor;
    for (const at of points) {
      mask.line(this.last, at, size, opacity);
      this.last = at;
    }
  }

  move(event) {
    const { editor } = this;
    const before = this.down.get(event.pointerId);
    if (event.pointerType !== "touch" || before) editor.hover(editor.view.toPicture(event));
    if (!before) return;
    this.down.set(event.pointerId, event);
    if (this.down.size === 2) return this.spread(before, event);
    if (this.isPanning) return editor.view.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    if (!this.last) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    const points = (passed.length ? passed : [event]).map((one) => editor.view.toPicture(one));
    if (this.isStroke()) return this.stroke(points);
    this.points = editor.tool === "lasso" ? [...this.points, ...points] : rectangle(this.points[0], points.at(-1));
    editor.sketch(this.points);
  }

  release(event) {
    if (!this.down.delete(event.pointerId)) return;
    const { editor } = this;
    if (this.last && this.isStroke()) editor.mask.end();
    else if (this.last && this.points.length > 2) editor.mask.polygon(this.points, editor.opacity);
    this.last = null;
    this.points = [];
    editor.sketch([]);
    if (event.pointerType === "touch") editor.hover(null);
  }

  /** A second finger came: the first one was not meant to paint. */
  pinch() {
    this.editor.mask.abandon();
    this.editor.sketch([]);
    this.last = null;
    this.isPanning = true;
  }

  spread(before, now) {
    const [other] = [...this.down.values()].filter(({ pointerId }) => pointerId !== now.pointerId);
    const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const [x, y] = [(now.clientX + other.clientX) / 2, (now.clientY + other.clientY) / 2];
    this.editor.view.pan((now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2);
    if (apart(before) > 0) this.editor.view.zoom(apart(now) / apart(before), x, y);
  }

  wheel(event) {
    if (event.ctrlKey || event.metaKey) this.editor.view.zoom(WHEEL_ZOOM ** -event.deltaY, event.clientX, event.clientY);
    else if (event.altKey) this.editor.resizeBrush(WHEEL_SIZE ** -(event.deltaY || event.deltaX));
    else return; // the page scrolls
    event.preventDefault();
  }
}

const rectangle = ([x, y], [u, v]) => [[x, y], [u, y], [u, v], [x, v]];
