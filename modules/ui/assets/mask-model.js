// A mask as a canvas of the picture's size: how opaque a pixel is says how much it may change. Every act can be undone.

const COLOUR = "#ff2e7e"; // seen on nearly every picture; only its opacity counts
const MOST_BYTES = 256e6; // of pixels kept to undo with

/** The smallest box around points, grown by a margin, within a canvas: [x, y, width, height]; null if it is empty. */
function box(points, margin, { width, height }) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)].map((least) => Math.max(0, Math.floor(least - margin)));
  const right = Math.min(width, Math.ceil(Math.max(...xs) + margin));
  const bottom = Math.min(height, Math.ceil(Math.max(...ys) + margin));
  return right > left && bottom > top ? [left, top, right - left, bottom - top] : null;
}

function canvasOf(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return canvas.getContext("2d", { willReadFrequently: true });
}

/** A picture from the server or a file, decoded. */
export async function decoded(src) {
  const image = Object.assign(new Image(), { src });
  await image.decode();
  return image;
}

export class Mask {
  /** changed() is called after every act, also after undo and redo. */
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.paint = canvas.getContext("2d", { willReadFrequently: true });
    this.resize(1, 1);
  }

  /** Start anew, with nothing painted and nothing to undo. */
  resize(width, height) {
    Object.assign(this.canvas, { width, height });
    this.before = canvasOf(width, height); // as it was before the act under way
    this.done = [];
    this.undone = [];
    this.touched = [];
    this.margin = 0;
  }

  /** Everything inside a path becomes so opaque (0 to 1), however opaque it was; half covered pixels go half the way. */
  colour(opacity, draw) {
    const { paint } = this;
    paint.fillStyle = paint.strokeStyle = COLOUR;
    paint.globalCompositeOperation = "destination-out";
    draw(paint);
    paint.globalCompositeOperation = "lighter"; // adds, where "source-over" would leave seams between parts of a stroke
    paint.globalAlpha = opacity;
    draw(paint);
    paint.globalCompositeOperation = "source-over";
    paint.globalAlpha = 1;
  }

  /** Part of a stroke with a round brush of so many pixels across; `end` makes the parts one act. */
  line(from, to, size, opacity) {
    this.touched.push(from, to);
    this.margin = Math.max(this.margin, size / 2 + 1);
    this.colour(opacity, (paint) => {
      Object.assign(paint, { lineCap: "round", lineJoin: "round", lineWidth: size });
      paint.beginPath();
      paint.moveTo(...from);
      paint.lineTo(to[0] + 0.01, to[1]); // no line at all would not be drawn, not even its round ends
      paint.stroke();
    });
  }

  polygon(points, opacity) {
    this.touched.push(...points);
    this.margin = Math.max(this.margin, 1);
    this.colour(opacity, (paint) => {
      paint.beginPath();
      for (const point of points) paint.lineTo(...point);
      paint.closePath();
      paint.fill();
    });
    this.end();
  }

  all(opacity) {
    const { width, height } = this.canvas;
    this.polygon([[0, 0], [width, 0], [width, height], [0, height]], opacity);
  }

  /** The act under way is whole. */
  end() {
    const place = this.touched.length ? box(this.touched, this.margin, this.canvas) : null;
    this.touched = [];
    this.margin = 0;
    if (!place) return;
    const [x, y] = place;
    const act = { x, y, before: this.before.getImageData(...place), after: this.paint.getImageData(...place) };
    this.before.putImageData(act.after, x, y);
    this.done.push(act);
    this.undone = [];
    while (this.done.length > 1 && this.kept() > MOST_BYTES) this.done.shift();
    this.changed();
  }

  kept() {
    return this.done.reduce((sum, { before }) => sum + 2 * before.data.length, 0);
  }

  /** Take the act under way back: it was no stroke after all. */
  abandon() {
    const place = this.touched.length ? box(this.touched, this.margin, this.canvas) : null;
    this.touched = [];
    if (place) this.paint.putImageData(this.before.getImageData(...place), place[0], place[1]);
  }

  undo() {
    this.move(this.done, this.undone, "before");
  }

  redo() {
    this.move(this.undone, this.done, "after");
  }

  move(from, to, which) {
    const act = from.pop();
    if (!act) return;
    to.push(act);
    for (const paint of [this.paint, this.before]) paint.putImageData(act[which], act.x, act.y);
    this.changed();
  }

  /** Become a picture's brightness (or what its transparency leaves out), stretched to this size. As one act, unless
  it is `new`: then there is nothing to undo. */
  load(image, { isNew = false, fromAlpha = false } = {}) {
    const { width, height } = this.canvas;
    const drawn = canvasOf(width, height);
    drawn.drawImage(image, 0, 0, width, height);
    const pixels = drawn.getImageData(0, 0, width, height);
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(COLOUR.slice(at, at + 2), 16));
    for (let at = 0; at < pixels.data.length; at += 4) {
      const opacity = fromAlpha ? 255 - pixels.data[at + 3] : pixels.data[at];
      pixels.data.set([red, green, blue, opacity], at);
    }
    this.paint.putImageData(pixels, 0, 0);
    if (isNew) this.before.putImageData(pixels, 0, 0);
    else {
      this.touched = [[0, 0], [width, height]];
      this.end();
    }
  }

  /** How much is painted, 0 to 1; exactly 0 only if nothing is. */
  share() {
    const { data } = this.paint.getImageData(0, 0, this.canvas.width, this.canvas.height);
    let sum = 0;
    for (let at = 3; at < data.length; at += 4) sum += data[at];
    return sum / 255 / (data.length / 4);
  }

  /** White where the picture may change, black where not: a PNG of exactly the picture's size. */
  png() {
    const { width, height } = this.canvas;
    const drawn = canvasOf(width, height);
    drawn.fillStyle = "#fff";
    drawn.fillRect(0, 0, width, height);
    drawn.globalCompositeOperation = "destination-in";
    drawn.drawImage(this.canvas, 0, 0);
    drawn.globalCompositeOperation = "destination-over";
    drawn.fillStyle = "#000";
    drawn.fillRect(0, 0, width, height);
    return new Promise((resolve) => drawn.canvas.toBlob(resolve, "image/png"));
  }
}
