// <taffy-extras-stage>: what the Extras tab made, beside what went in; and the one that is growing now.

import "./compare.js";
import { Drawn } from "./drawn.js";
import { arrange, element } from "./elements.js";
import { allMade, forget, watchMade } from "./extras-made.js";
import { announcement, share, status } from "./status.js";
import { view } from "./view.js";

class ExtrasStage extends Drawn {
  build() {
    this.chosen = null; // the job that somebody picked; null follows the newest
    this.empty = element("p", { className: "taffy-empty" }, "The picture before and after appears here.");
    this.compare = element("taffy-compare", { hidden: true });
    const box = element("div", { className: "taffy-box" }, this.empty, this.compare);
    this.bar = element("progress", { className: "quiet", max: 1, value: 0, ariaLabel: "Progress" });
    this.line = element("p", { className: "taffy-line" });
    this.spoken = element("p", { className: "taffy-spoken", role: "status" });
    this.problem = element("div", { className: "taffy-problem", role: "alert" });
    this.list = element("ul", { className: "taffy-thumbs", ariaLabel: "Made larger, newest first" });
    this.download = element("a", {}, "Download");
    this.open = element("a", { target: "_blank" }, "Open alone");
    this.drop = element("button", { type: "button", title: "The picture stays in the gallery" }, "Take off this list");
    this.drop.onclick = () => forget(this.shown.job);
    this.row = element("div", { className: "taffy-actions-row", hidden: true }, this.download, this.open, this.drop);
    this.append(box, this.bar, this.line, this.spoken, this.problem, this.list, this.row);
    this.endMade = watchMade(() => this.drawMade());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.endMade();
  }

  draw(kind) {
    this.line.textContent = status(view);
    const words = announcement(view);
    if (this.spoken.textContent !== words) this.spoken.textContent = words;
    const running = view.state?.running;
    this.bar.value = running ? share(running) : 0;
    this.bar.classList.toggle("quiet", !running);
    if (kind === "asked" && view.asked) this.chosen = null;
    this.drawMade();
  }

  drawMade() {
    const isSeen = ({ job, after, problem }) => after || problem || job === view.state?.running?.id;
    const all = allMade().filter(isSeen);
    this.shown = all.find(({ job }) => job === this.chosen) ?? all[0];
    this.drawShown();
    arrange(this.list, all, ({ job }) => job, (one) => this.tile(one), (child, one) => this.drawTile(child, one));
  }

  drawShown() {
    const one = this.shown;
    const live = one && !one.after && view.frame?.job === one.job ? view.frame.src : "";
    const after = one?.after || live;
    this.empty.hidden = Boolean(after);
    if (after && one.before) {
      this.compare.setAttribute("before", one.before);
      this.compare.setAttribute("after", after);
    }
    this.compare.hidden = !after;
    this.row.hidden = !one?.after && !one?.problem;
    this.download.hidden = this.open.hidden = !one?.after;
    this.download.href = `${one?.after}?download=1`;
    this.open.href = one?.after ?? "";
    if (this.problem.textContent !== (one?.problem ?? "")) this.problem.textContent = one?.problem ?? "";
  }

  tile({ job }) {
    const onclick = () => {
      this.chosen = job;
      this.drawMade();
    };
    return element("li", {}, element("button", { type: "button", onclick }));
  }

  drawTile(child, { job, before, after, name, width, height }) {
    const [button] = child.children;
    const label = after ? `${name}, ${width} × ${height}` : `${name ?? ""}, not done`;
    button.ariaPressed = String(job === this.shown?.job);
    button.title = label;
    const src = after || before;
    if (src && button.firstElementChild?.getAttribute("src") !== src) {
      button.replaceChildren(element("img", { src, alt: label, loading: "lazy", draggable: false }));
    }
  }
}

customElements.define("taffy-extras-stage", ExtrasStage);
