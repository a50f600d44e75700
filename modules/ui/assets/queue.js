// The strip of jobs: the one that runs, those that wait and can change places, how those of today ended.

import { Drawn } from "./drawn.js";
import { arrange, duration, element } from "./elements.js";
import { addRunningButtons } from "./extension-buttons.js";
import { hasMore } from "./history.js";
import { lineButtons, repeat } from "./line.js";
import { notifySwitch } from "./notify.js";
import { share } from "./status.js";
import { cancel, move, showMore, view } from "./view.js";

const ENDINGS = { done: "done", failed: "failed", cancelled: "stopped" };
const MORE = { id: "more" };
const KEYS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };

function words(job) {
  if (job.rests) return "rests";
  if (job.position) return job.seconds ? `${job.position}, in ${duration(job.seconds)}` : `${job.position}`;
  if (job.state) return ENDINGS[job.state];
  return `${Math.floor(share(job) * 100)} %`;
}

/** The waiting jobs of the same person: only they change places. */
const line = ({ owner }) => view.state.waiting.filter((job) => job.owner === owner);
const place = (job) => line(job).findIndex(({ id }) => id === job.id);

class Queue extends Drawn {
  build() {
    this.list = element("ol", { ariaLabel: "Jobs" });
    this.spoken = element("p", { className: "taffy-spoken", role: "status" });
    this.append(this.list, this.spoken, ...lineButtons(), notifySwitch());
  }

  draw(kind) {
    if (kind !== "state" || !view.state) return;
    const { running, others, waiting, recent } = view.state;
    const jobs = [...(running ? [running] : []), ...others, ...waiting, ...recent];
    const key = (job) => `${job.id} ${job.state ?? Boolean(job.position)}`; // a job that moves on is another chip
    const items = hasMore() ? [...jobs, MORE] : jobs;
    arrange(this.list, items, key, (job) => this.chip(job), (item, job) => this.update(item, job));
  }

  more() {
    const properties = { type: "button", className: "taffy-more", title: "Jobs of other days", onclick: showMore };
    return element("li", {}, element("button", properties, "Show more"));
  }

  chip(job) {
    if (job === MORE) return this.more();
    const prompt = `${job.owner ? `${job.owner}: ` : ""}${job.prompt || "no prompt"}`;
    const state = element("span", { className: "taffy-place" });
    const shows = job.state === "failed" || job.pictures?.length > 0;
    if (job.state && shows) {
      const title = [prompt, job.error, job.advice].filter(Boolean).join("\n");
      const onclick = () => document.dispatchEvent(new CustomEvent("taffy-show", { detail: { job: job.id } }));
      const name = element("span", { className: "taffy-prompt" }, prompt);
      const show = { type: "button", className: "taffy-show", title, onclick };
      const item = element("li", {}, element("button", show, state, name));
      if (job.state !== "done") item.append(this.again(job, prompt));
      return item;
    }
    const name = element("span", { className: "taffy-prompt", title: prompt }, prompt);
    const item = element("li", { onkeydown: (event) => this.key(event, job) }, state, name);
    if (job.state) item.append(this.again(job, prompt));
    if (job.position) {
      item.append(this.button("‹", `Make “${prompt}” sooner`, () => this.shift(job, -1)));
      item.append(this.button("›", `Make “${prompt}” later`, () => this.shift(job, 1)));
    }
    if (!job.state) item.append(this.button("×", `Cancel “${prompt}”`, () => cancel(job.id)));
    if (!job.state && !job.position && !job.owner) addRunningButtons(item, () => job.id, this.spoken);
    return item;
  }

  again(job, prompt) {
    return this.button("↻", `Make “${prompt}” once more`, () => repeat(job.id));
  }

  button(face, ariaLabel, onclick) {
    return element("button", { type: "button", ariaLabel, title: ariaLabel.split(" “")[0], onclick }, face);
  }

  update(item, job) {
    if (job === MORE || (job.state && item.className)) return; // what has ended stays as it is
    item.className = job.state ?? (job.position ? "waiting" : "running");
    item.querySelector(".taffy-place").textContent = words(job);
    if (!job.position) return;
    const [sooner, later] = item.querySelectorAll("button");
    sooner.ariaDisabled = String(place(job) === 0); // not `disabled`, which would lose the focus
    later.ariaDisabled = String(place(job) === line(job).length - 1);
  }

  key(event, job) {
    if (!job.position || !KEYS[event.key]) return;
    event.preventDefault();
    this.shift(job, KEYS[event.key]);
  }

  async shift(job, by) {
    const { id, prompt } = job;
    const waiting = line(job);
    const to = place(job) + by;
    if (place(job) < 0 || to < 0 || to >= waiting.length) return;
    const next = waiting[by < 0 ? to : to + 1]; // the job that it comes before
    await move(id, next?.id ?? null);
    this.spoken.textContent = `“${prompt || "no prompt"}” is number ${to + 1} of those that wait`;
  }
}

customElements.define("taffy-queue", Queue);
