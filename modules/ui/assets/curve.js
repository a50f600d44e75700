// The noise that is left after each step, as a small curve.

import { element } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 96;
const HEIGHT = 20;

export class Curve {
  constructor() {
    this.line = document.createElementNS(SVG, "polyline");
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `-1 -1 ${WIDTH + 2} ${HEIGHT + 2}`);
    this.svg.setAttribute("aria-hidden", "true");
    const ground = document.createElementNS(SVG, "path");
    ground.setAttribute("d", `M0 ${HEIGHT}H${WIDTH}`);
    this.svg.append(ground, this.line);
    this.root = element("span", { className: "taffy-curve", hidden: true, role: "img" }, this.svg);
  }

  draw(job) {
    const sigmas = job?.sigmas ?? [];
    const most = Math.max(...sigmas); // nothing while a picture is made larger: that has no noise
    this.root.hidden = sigmas.length < 2 || most === 0;
    if (this.root.hidden) return;
    const x = (step) => (WIDTH * step) / Math.max(1, job.steps - 1);
    const points = sigmas.map((sigma, step) => `${x(step).toFixed(1)},${(HEIGHT * (1 - sigma / most)).toFixed(1)}`);
    this.line.setAttribute("points", points.join(" "));
    this.root.title = `Noise left: ${Math.round((100 * sigmas.at(-1)) / most)} %`;
    this.root.ariaLabel = this.root.title;
  }
}
