// What is drawn over the picture: the edge of the mask as it will be used, the brush, a shape under way, and the frame of
// a picture that is to be larger.

const SVG = "http://www.w3.org/2000/svg";
const MOST_PIXELS = 3e6; // of the screen: beyond it the edge of the mask is not worth its time
const COLOUR = [1, 0x2e / 255, 0x7e / 255]; // of the mask

export function svg(tag, properties = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export class Overlay {
  constructor() {
    this.frame = svg("rect", { class: "taffy-frame-line" });
    this.shape = svg("polygon", { class: "taffy-shape-line" });
    this.brush = svg("circle", { class: "taffy-brush-line" });
    this.filter = svg("filter", { id: "taffy-mask-edge", x: 0, y: 0, width: 1, height: 1 });
    this.filter.setAttribute("color-interpolation-filters", "sRGB");
    const definitions = svg("defs", {}, this.filter);
    this.root = svg("svg", { "aria-hidden": "true" }, definitions, this.frame, this.shape, this.brush);
  }

  /** The picture's size, and the pixels that are to be added around it. */
  fit({ width, height }, { left, top, right, bottom }) {
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const frame = { x: -left, y: -top, width: width + left + right, height: height + top + bottom };
    for (const [name, value] of Object.entries(frame)) this.frame.setAttribute(name, value);
    this.frame.style.display = left || top || right || bottom ? "" : "none";
  }

  /** The mask's canvas looks as the mask will be used: inverted, then grown, then blurred (pixels of the picture). */
  edge(canvas, scale, { mask_invert: isInverted, mask_grow: grow = 0, mask_blur: blur = 0 }) {
    const isCheap = canvas.width * canvas.height * scale ** 2 <= MOST_PIXELS;
    const parts = [];
    if (isInverted) {
      const rows = [...COLOUR.map((part) => `0 0 0 0 ${part}`), "0 0 0 -1 1"];
      parts.push(svg("feColorMatrix", { values: rows.join(" ") }));
    }
    if (isCheap && grow) {
      const operator = grow > 0 ? "dilate" : "erode";
      parts.push(svg("feMorphology", { operator, radius: Math.abs(grow) * scale }));
    }
    if (isCheap && blur) parts.push(svg("feGaussianBlur", { stdDeviation: blur * scale }));
    this.filter.replaceChildren(...parts);
    canvas.style.filter = parts.length ? "url(#taffy-mask-edge)" : "";
  }

  /** Where the brush is, or null. */
  hover(at, size) {
    this.brush.style.display = at ? "" : "none";
    if (at) Object.entries({ cx: at[0], cy: at[1], r: size / 2 }).forEach(([name, value]) => this.brush.setAttribute(name, value));
  }

  sketch(points) {
    this.shape.setAttribute("points", points.map((point) => point.join(",")).join(" "));
  }
}
