// Live: the picture follows the form. Each change asks for one small job, which takes the place of the one before it.

import { element } from "./elements.js";
import { form, watchForm } from "./form.js";
import { asked, view, watch } from "./view.js";

const PAUSE_MS = 150;
const STEPS = 8;
const [ON, SEED] = ["taffy-live", "taffy-live-seed"]; // kept for this tab of the browser

/** One seed for all live pictures, so that only what is written changes them. */
function seed() {
  if (!sessionStorage.getItem(SEED)) sessionStorage.setItem(SEED, String(Math.floor(Math.random() * 2 ** 32)));
  return Number(sessionStorage.getItem(SEED));
}

/** A quick request out of the form's values. */
function request(values) {
  const fields = Object.entries(values).filter(([, value]) => value !== null); // no text
  const extras = Object.fromEntries(fields.filter(([name]) => name.includes(".")));
  return {
    ...Object.fromEntries(fields.filter(([name]) => !name.includes("."))),
    extras,
    steps: Math.min(values.steps, STEPS),
    count: 1,
    ...("hires_scale" in values ? { hires_scale: 1 } : {}), // no second pass
    seed: values.seed >= 0 ? values.seed : seed(),
  };
}

class Live extends HTMLElement {
  connectedCallback() {
    const onchange = () => this.turn();
    const checked = sessionStorage.getItem(ON) === "on";
    this.box = element("input", { type: "checkbox", role: "switch", checked, onchange });
    this.problem = element("span", { role: "alert" });
    const title = `Draw again while you write, with at most ${STEPS} steps`;
    this.waits = element("span", { className: "taffy-waits", role: "status" });
    this.notes = ""; // what is different from what was asked for
    this.replaceChildren(element("label", { title }, this.box, " Live"), this.waits, this.problem);
    this.drawn = null; // the request of the newest live job
    this.ends = [watchForm(() => this.follow()), watch((kind) => kind === "state" && this.wait())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  /** A picture that somebody asked for is not taken back for a live one. */
  wait() {
    const waits = view.state?.waiting.some(({ id }) => id === this.job) && view.state.running;
    const words = waits ? "Live waits for the running job" : this.notes;
    if (this.waits.textContent !== words) this.waits.textContent = words;
  }

  turn() {
    sessionStorage.setItem(ON, this.box.checked ? "on" : "off");
    clearTimeout(this.pause); // what was just written is no wish any more
    this.problem.textContent = this.notes = "";
    this.drawn = null;
    this.job = ""; // the picture of the last time stays
    if (this.box.checked) this.ask();
    else this.wait();
  }

  follow() {
    if (!this.box.checked || !this.offsetParent || !form.values.checkpoint) return;
    const wanted = JSON.stringify(request(form.values));
    this.drawn ??= wanted; // what was there when the page opened is not news
    if (wanted === this.drawn) return;
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.ask(), PAUSE_MS);
  }

  async ask() {
    if (form.values.image === "") return; // a tab that starts from a picture, and has none
    this.again = true;
    if (this.asking) return;
    this.asking = true;
    while (this.again) {
      this.again = false;
      await this.replace(JSON.stringify(request(form.values))).catch(() => {}); // the page says when the server is away
    }
    this.asking = false;
  }

  async replace(wanted) {
    if (wanted === this.drawn) return;
    this.drawn = wanted;
    asked(true);
    const headers = { "Content-Type": "application/json" };
    const instead = encodeURIComponent(this.job ?? "");
    const answer = await fetch(`/jobs?instead_of=${instead}`, { method: "POST", headers, body: wanted });
    const { id, notes = [], error } = await answer.json();
    if (!this.box.checked) return; // switched off meanwhile
    this.job = id ?? this.job;
    this.notes = notes.join(" ");
    this.problem.textContent = error ?? "";
    this.wait();
    if (error) asked(false);
  }
}

customElements.define("taffy-live", Live);
