// The picture: what comes out of the noise now, the results, and how each was made.

import { Actions } from "./actions.js";
import { Curve } from "./curve.js";
import { Drawn } from "./drawn.js";
import { arrange, element } from "./elements.js";
import { addRunningButtons } from "./extension-buttons.js";
import { Grid, siblings } from "./grid.js";
import { neighbour, pictures } from "./pictures.js";
import { Screen } from "./screen.js";
import { announcement, share, status } from "./status.js";
import { view } from "./view.js";
import { openViewer } from "./viewer.js";

const MOST_THUMBS = 24;
const LIVE = { id: "live" }; // the tile that goes back to what is being made

class Stage extends Drawn {
  build() {
    this.chosen = null; // id of the picture somebody picked; null follows what is made
    this.newest = null;
    this.failed = null; // id of the job whose problem somebody wants to read
    this.shown = null; // the picture that the words below are about
    this.isGrid = true; // pictures of one job are shown side by side, until somebody enlarges one
    this.known = new Set(); // ids of all pictures there were
    this.box = element("div", { className: "taffy-box", onclick: () => this.openShown() });
    this.empty = element("p", { className: "taffy-empty" }, "Your picture appears here.");
    this.bar = element("progress", { className: "quiet", max: 1, value: 0, ariaLabel: "Progress" });
    this.line = element("p", { className: "taffy-line" });
    this.curve = new Curve();
    this.beside = element("div", { className: "taffy-actions-row", hidden: true, role: "group", ariaLabel: "The running picture" });
    const now = element("div", { className: "taffy-now" }, this.line, this.beside, this.curve.root);
    this.spoken = element("p", { className: "taffy-spoken", role: "status" });
    this.problem = element("div", { className: "taffy-problem", role: "alert" });
    this.thumbs = element("ul", { className: "taffy-thumbs", ariaLabel: "Pictures, newest first" });
    this.facts = element("summary");
    this.infotext = element("pre", { className: "taffy-infotext", tabIndex: 0 });
    this.copy = element("button", { type: "button", onclick: () => this.copyInfotext() }, "Copy");
    this.details = element("details", {}, this.facts, this.infotext);
    this.actions = new Actions();
    addRunningButtons(this.beside, () => view.state.running.id, this.actions.said);
    const made = element("div", { className: "taffy-made" }, this.details, this.copy, ...this.actions.files, this.actions.history.root);
    this.about = element("div", { className: "taffy-about", hidden: true }, this.actions.row, this.actions.columns, this.actions.history.near, made);
    this.box.append(this.empty);
    this.append(this.box, this.bar, now, this.spoken, this.problem, this.thumbs, this.about, this.actions.said);
    this.screen = new Screen(this.box);
    this.grid = new Grid(this.box, (picture) => this.enlarge(picture));
    this.together = element("button", { type: "button", className: "taffy-together", hidden: true, onclick: (event) => this.showTogether(event) });
    this.box.append(this.together);
    this.listening = new AbortController();
    document.addEventListener("taffy-show", ({ detail }) => this.show(detail), { signal: this.listening.signal });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.listening.abort();
  }

  draw(kind) {
    this.line.textContent = status(view);
    const words = announcement(view);
    if (this.spoken.textContent !== words) this.spoken.textContent = words;
    if (kind === "asked" && view.asked) this.chosen = this.failed = null; // whoever asks wants to see it
    if (!view.state) return;
    if (kind === "state") this.drawState(view.state);
    if (kind === "frame") this.drawFrame(view.frame, view.state.running);
  }

  drawState({ running, recent }) {
    this.all = pictures(view.state);
    this.bar.value = running ? share(running) : 0;
    this.bar.classList.toggle("quiet", !running);
    this.curve.draw(running);
    this.beside.hidden = !running;
    this.drawProblem(recent.find(({ id }) => id === this.failed) ?? (running ? null : recent[0]));
    const newest = this.all[0]?.id ?? null;
    const ended = this.job !== running?.id && recent.find(({ id }) => id === this.job)?.pictures.length; // its last frame may have come after its picture
    const isNew = newest && !this.known.has(newest); // else the last one was taken back, and another will come
    if (ended || isNew) this.isGrid ||= !this.chosen;
    this.job = running?.id;
    if (!this.chosen && (ended || isNew)) this.showPicture(this.all[0]);
    else if (this.shown) this.showActions(this.all.find(({ id }) => id === this.shown.id));
    this.newest = newest;
    for (const { id } of this.all) this.known.add(id);
    this.drawThumbs();
  }

  drawFrame(frame, running) {
    if (this.chosen || frame?.job !== running?.id) return;
    const alt = `Preview of “${running.prompt}”, step ${frame.step} of ${frame.steps}`;
    this.empty.hidden = true;
    this.lay(null);
    this.screen.show({ src: frame.src, alt });
  }

  /** Side by side or single: a job that still runs shows its newest alone. */
  lay(picture) {
    const together = picture && (this.chosen || !this.job) ? siblings(this.all, picture) : [];
    this.together.hidden = together.length < 2 || this.isGrid;
    const single = together.length > 1 && this.isGrid ? null : picture;
    this.dispatchEvent(new CustomEvent("taffy-shown", { bubbles: true, detail: single }));
    this.together.textContent = `All ${together.length}`;
    this.together.title = "The pictures of this job side by side (G)";
    if (together.length > 1 && this.isGrid) this.grid.show(together, picture);
    else this.grid.hide();
  }

  enlarge(picture) {
    this.isGrid = false;
    this.choose(picture);
    this.together.focus();
  }

  showTogether(event) {
    event?.stopPropagation();
    if (!this.shown || this.together.hidden) return;
    this.isGrid = true;
    this.choose(this.shown);
    if (event) this.grid.list.querySelector("[aria-current=true]").focus();
  }

  drawProblem(job) {
    const words = job?.state === "failed" ? [job.error, job.advice].filter(Boolean) : [];
    if (this.problem.textContent === words.join("")) return;
    this.problem.replaceChildren(...words.map((text) => element("p", {}, text)));
  }

  drawThumbs() {
    const tiles = [...(this.job ? [LIVE] : []), ...this.all.slice(0, MOST_THUMBS)];
    const pressed = this.chosen ?? (this.job ? LIVE.id : this.newest);
    const update = (item, { id }) => item.firstChild.setAttribute("aria-pressed", String(id === pressed));
    arrange(this.thumbs, tiles, ({ id }) => id, (tile) => this.thumb(tile), update);
  }

  thumb(tile) {
    const alt = `${tile.prompt} (seed ${tile.seed})`;
    const face = tile === LIVE ? "Live" : element("img", { src: tile.url, alt, loading: "lazy" });
    return element("li", {}, element("button", { type: "button", onclick: () => this.pick(tile) }, face));
  }

  /** Somebody picked a small picture. */
  pick(tile) {
    this.isGrid = false;
    this.choose(tile);
  }

  choose(tile) {
    this.chosen = tile === LIVE ? null : tile.id;
    if (tile === LIVE) this.draw("frame");
    else this.showPicture(tile);
    this.drawThumbs();
  }

  /** What somebody else on the page asks to see: a job, a picture, the one so many places further, or full size. */
  show({ job, picture, places, full, together }) {
    if (!view.state || !this.offsetParent) return;
    if (full) openViewer(this.shown?.id);
    if (together) this.showTogether();
    this.failed = job;
    if (job) this.drawProblem(view.state.recent.find(({ id }) => id === job));
    const found = this.all.find((one) => one.id === picture || one.job.id === job);
    const next = places && neighbour(this.chosen ?? this.shown?.id, places);
    if (!found && !next) return;
    if (job) this.isGrid = true;
    this.choose(found ?? next);
    this.thumbs.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** A click on the picture, which may be a preview: those have no full size. */
  openShown() {
    if (this.shown && (this.chosen || !view.state?.running)) openViewer(this.shown.id);
  }

  showActions(picture) {
    if (picture) this.actions.show(picture); // what can be done with it may have changed
  }

  showPicture(picture) {
    if (!picture) return;
    if (picture.id !== this.shown?.id) this.copy.textContent = "Copy";
    this.shown = picture;
    this.actions.show(picture);
    this.empty.hidden = true;
    this.about.hidden = false;
    this.facts.textContent = `${picture.width} × ${picture.height}, seed ${picture.seed}`;
    this.infotext.textContent = picture.infotext;
    this.lay(picture);
    this.screen.show({ src: picture.url, alt: picture.prompt });
  }

  async copyInfotext() {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(this.infotext.textContent);
      this.copy.textContent = "Copied";
    } else {
      this.details.open = true; // no clipboard without https: select the text for Ctrl+C
      getSelection().selectAllChildren(this.infotext);
      this.copy.textContent = "Selected";
    }
  }
}

customElements.define("taffy-stage", Stage);
