// The strip of jobs: the one that runs, those that wait, how the last ones ended.

import { Drawn } from "./drawn.js";
import { arrange, element } from "./elements.js";
import { share } from "./status.js";
import { cancel, view } from "./view.js";

const ENDINGS = { done: "done", failed: "failed", cancelled: "stopped" };

function words(job) {
  if (job.position) return `${job.position}`;
  if (job.state) return ENDINGS[job.state];
  return `${Math.floor(share(job) * 100)} %`;
}

class Queue extends Drawn {
  build() {
    this.list = element("ol", { ariaLabel: "Jobs" });
    this.append(this.list);
  }

  draw() {
    if (!view.state) return;
    const { running, waiting, recent } = view.state;
    const jobs = [...(running ? [running] : []), ...waiting, ...recent.slice(0, 4)];
    arrange(this.list, jobs, (job) => job.id, this.chip, this.update);
  }

  chip(job) {
    const prompt = job.prompt || "no prompt";
    const end = { type: "button", ariaLabel: `Cancel “${prompt}”`, title: "Cancel", onclick: () => cancel(job.id) };
    const name = element("span", { className: "taffy-prompt", title: prompt }, prompt);
    return element("li", {}, element("span", { className: "taffy-place" }), name, element("button", end, "×"));
  }

  update(item, job) {
    item.className = job.state ?? (job.position ? "waiting" : "running");
    item.firstChild.textContent = words(job);
    item.lastChild.hidden = Boolean(job.state);
  }
}

customElements.define("taffy-queue", Queue);
