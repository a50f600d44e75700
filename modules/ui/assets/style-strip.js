// <taffy-style-strip>: the same request with four values of its main knob, side by side. Pressing one takes its value.

import { arrange, element } from "./elements.js";
import { formOf, overwrite, watchForm } from "./form.js";
import { asRequest } from "./source-picture.js";
import { post } from "./source-upload.js";
import { TAB } from "./style-source.js";
import { asked, view, watch } from "./view.js";

const KEY = "taffy-style-strip"; // {knob, seed, tiles: [{job, value}]}
const AMOUNT = { knob: "style_amount", label: "How much of the style", values: [0.25, 0.5, 0.75, 1] };
const SEEDLESS = ["colour", "inject"];
const KNOBS = {
  colour: AMOUNT,
  words: { knob: "strength", label: "How much is painted anew", values: [0.35, 0.5, 0.65, 0.8] },
  inject: { knob: "style_keep", label: "Keep the content", values: [0.25, 0.5, 0.75, 0.9] },
  series: AMOUNT,
  adapter: AMOUNT,
};

/** What a way does not ask for, although the form has a value; style.py says the same for Generate. */
function unused({ style_mode: mode, style_match: isMatched }) {
  if (mode === "colour") return { width: 0, height: 0 };
  return mode === "words" && !isMatched ? { style_images: [], style_weights: [] } : {};
}

/** The form's values as requests, one for each value of the knob; all from one seed. */
function requests({ knob, values }, form) {
  const filled = Object.fromEntries(Object.entries(form).filter(([, value]) => value !== null)); // no text
  const seed = form.seed >= 0 ? form.seed : Math.floor(Math.random() * 2 ** 32);
  return values.map((value) => ({ ...asRequest(filled), ...unused(form), count: 1, seed, [knob]: value }));
}

class Strip extends HTMLElement {
  connectedCallback() {
    this.kept = JSON.parse(localStorage.getItem(KEY) ?? '{"tiles": []}');
    this.go = element("button", { type: "button", onclick: () => this.start() });
    this.said = element("p", { className: "taffy-source-problem", role: "alert" });
    this.notes = element("p", { className: "taffy-notes", role: "status" });
    this.list = element("ul", { className: "taffy-style-strip" });
    this.replaceChildren(element("div", { className: "taffy-source-bar" }, this.go), this.said, this.notes, this.list);
    this.ends = [watchForm(() => this.draw()), watch((kind) => kind === "state" && this.draw())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  get knob() {
    return KNOBS[formOf(TAB).style_mode] ?? AMOUNT;
  }

  async start() {
    const { knob, label } = this.knob;
    this.said.textContent = this.notes.textContent = "";
    this.go.disabled = true;
    asked(true);
    try {
      const tiles = [];
      for (const request of requests(this.knob, formOf(TAB))) {
        const { id, notes } = await post("/jobs", request);
        tiles.push({ job: id, value: request[knob], seed: request.seed });
        this.notes.textContent = notes.join(" ");
      }
      this.kept = { knob, label, tiles };
      localStorage.setItem(KEY, JSON.stringify(this.kept));
    } catch (error) {
      asked(false);
      this.said.textContent = error.message;
    }
    this.go.disabled = false;
    this.draw();
  }

  draw() {
    const { label, values } = this.knob;
    this.go.textContent = `Try ${values.length} values of “${label}”`;
    const jobs = [view.state?.running, ...(view.state?.waiting ?? []), ...(view.state?.recent ?? [])].filter(Boolean);
    const seen = this.kept.tiles.flatMap((tile) => {
      const job = jobs.find(({ id }) => id === tile.job);
      return job ? [{ ...job, ...tile, picture: job.pictures?.[0] }] : []; // an old one is forgotten
    });
    this.list.ariaLabel = `Values of ${this.kept.label ?? ""}`;
    this.list.hidden = !seen.length;
    arrange(this.list, seen, ({ job }) => job, (one) => this.tile(one), (tile, one) => this.drawTile(tile, one));
  }

  tile(one) {
    const face = element("button", { type: "button", onclick: () => this.pick(one) }, element("span", { className: "taffy-style-face" }));
    face.append(element("span", {}, String(one.value)));
    return element("li", {}, face);
  }

  drawTile(tile, { value, picture, state, error }) {
    const [button] = tile.children;
    const [face] = button.children;
    const { style_mode: mode, ...form } = formOf(TAB);
    button.disabled = !picture;
    button.ariaPressed = String(form[this.kept.knob] === value);
    button.title = error ?? `${this.kept.label} ${value}`;
    const words = { failed: "failed", cancelled: "stopped" }[state] ?? "…";
    if (!picture) face.textContent = words;
    else if (face.firstElementChild?.getAttribute("src") !== picture.url) {
      face.replaceChildren(element("img", { src: picture.url, alt: `${this.kept.label}`, draggable: false }));
    }
  }

  /** Show it large, and take over what made it so. */
  pick({ job, value, seed }) {
    document.dispatchEvent(new CustomEvent("taffy-show", { detail: { job } }));
    overwrite(`“${this.kept.label}” ${value}`, { [this.kept.knob]: value, ...(SEEDLESS.includes(formOf(TAB).style_mode) ? {} : { seed }) });
  }
}

customElements.define("taffy-style-strip", Strip);
