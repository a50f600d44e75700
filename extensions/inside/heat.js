// Small canvases out of numbers: grey levels, and where somebody looked.

import { element } from "/taffy/elements.js";

const DARK = [8, 10, 28, 0.74]; // red, green, blue, opacity where nobody looked
const HOT = [255, 168, 36, 0.34]; // and where most did

export const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** A canvas of rows x columns in grey. */
export function greys({ grid, levels }, name) {
  const [rows, columns] = grid;
  const canvas = element("canvas", { width: columns, height: rows, className: "inside-grey", role: "img", ariaLabel: name });
  const image = new ImageData(columns, rows);
  bytesOf(levels).forEach((level, at) => image.data.set([level, level, level, 255], 4 * at));
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Paint shares (0 to 1 each) over whatever lies under the canvas. */
export function heat(canvas, [rows, columns], shares) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  shares.forEach((share, at) => {
    const [red, green, blue, opacity] = DARK.map((from, part) => from + share * (HOT[part] - from));
    image.data.set([red, green, blue, 255 * opacity], 4 * at);
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** In which of nine places the middle of the shares lies. */
export function placeOf([rows, columns], shares) {
  let [sum, down, right] = [0, 0, 0];
  shares.forEach((share, at) => {
    sum += share;
    down += share * (Math.floor(at / columns) + 0.5);
    right += share * ((at % columns) + 0.5);
  });
  const third = (value, names) => names[Math.min(2, Math.floor((3 * value) / (sum || 1)))];
  const place = `${third(down / rows, ["upper ", "", "lower "])}${third(right / columns, ["left", "middle", "right"])}`;
  return `the ${place}`;
}
