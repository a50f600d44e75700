// How a picture lies in its field: as large as fits, or zoomed and moved. Knows pixels of the screen and of the picture.

const CLOSEST = 32; // pixels of the screen for one of the picture
const PIXELS_SEEN = 4; // from this scale on pixels are shown as squares

export class View {
  /** field: what clips. paper: what has the picture's size and is moved. */
  constructor(field, paper) {
    Object.assign(this, { field, paper, scale: 1, left: 0, top: 0, isFitted: true });
    this.size = { width: 1, height: 1 };
    this.beyond = { left: 0, top: 0, right: 0, bottom: 0 }; // pixels around the picture that are to be seen too
    this.ears = new ResizeObserver(() => this.isFitted && this.fit());
    this.ears.observe(field);
  }

  end() {
    this.ears.disconnect();
  }

  show(size, beyond) {
    Object.assign(this, { size, beyond });
    const { width, height } = this.whole();
    this.field.style.aspectRatio = `${width} / ${height}`;
    this.fit();
  }

  whole() {
    const { left, top, right, bottom } = this.beyond;
    return { width: this.size.width + left + right, height: this.size.height + top + bottom };
  }

  fitting() {
    const { width, height } = this.whole();
    return Math.min(this.field.clientWidth / width, this.field.clientHeight / height);
  }

  fit() {
    const { width, height } = this.whole();
    this.isFitted = true;
    this.scale = this.fitting() || 1;
    this.left = (this.field.clientWidth - this.scale * width) / 2 + this.scale * this.beyond.left;
    this.top = (this.field.clientHeight - this.scale * height) / 2 + this.scale * this.beyond.top;
    this.place();
  }

  /** Zoom by a factor; the point under (x, y) of the window stays where it is. */
  zoom(factor, x, y) {
    const { left, top, width, height } = this.field.getBoundingClientRect();
    const [fromLeft, fromTop] = [(x ?? left + width / 2) - left, (y ?? top + height / 2) - top];
    const scale = Math.min(CLOSEST, Math.max(this.fitting() / 2, this.scale * factor));
    this.left = fromLeft - ((fromLeft - this.left) * scale) / this.scale;
    this.top = fromTop - ((fromTop - this.top) * scale) / this.scale;
    this.scale = scale;
    this.isFitted = false;
    this.place();
  }

  pan(right, down) {
    this.left += right;
    this.top += down;
    this.isFitted = false;
    this.place();
  }

  place() {
    const { width, height } = this.size;
    Object.assign(this.paper.style, {
      left: `${this.left}px`,
      top: `${this.top}px`,
      width: `${this.scale * width}px`,
      height: `${this.scale * height}px`,
      imageRendering: this.scale >= PIXELS_SEEN ? "pixelated" : "auto",
    });
    this.placed?.();
  }

  /** A point of the window as pixels of the picture: [x, y] */
  toPicture({ clientX, clientY }) {
    const { left, top } = this.paper.getBoundingClientRect();
    return [(clientX - left) / this.scale, (clientY - top) / this.scale];
  }
}
