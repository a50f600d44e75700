// The sentence under the picture.

import { activeJob } from "./view.js";
import { duration } from "./elements.js";

/** How much of a running job is done, 0 to 1. */
export function share({ step, steps, picture, count }) {
  return steps ? ((picture - 1) * steps + step) / (count * steps) : 0;
}

/** "Picture 2 of 4, step 12 of 20, 0.1 s each, 5 s left" */
export function progress(job) {
  if (job.message) return job.message;
  const picture = job.count > 1 ? `picture ${job.picture} of ${job.count}, ` : "";
  const parts = [`${picture}step ${job.step} of ${job.steps}`];
  const left = job.steps - job.step + (job.count - job.picture) * job.steps;
  if (job.seconds_left !== null && left > 0) {
    parts.push(`${duration(job.seconds_left / left)} each`, `${duration(job.seconds_left)} left`);
  }
  const sentence = parts.join(", ");
  return sentence[0].toUpperCase() + sentence.slice(1);
}

const NOT_YET = {
  starting: "The engine is starting. What you ask for now waits for it.",
  installing: "The engine is being installed. What you ask for now waits for it.",
  restarting: "The engine is being started again.",
  failed: "The engine does not run; the reason is above.",
};
const ENDINGS = { done: "Done", failed: "This one failed", cancelled: "Stopped" };

/** What is happening, in a line. */
export function status({ state, asked, connected }) {
  if (connected === false) return "The server does not answer. Trying again …";
  if (asked) return "Asking for a picture …";
  if (!state) return "Connecting …";
  if (state.running) return progress(state.running);
  if (NOT_YET[state.worker.state]) return NOT_YET[state.worker.state];
  if (activeJob()) return "Waiting for the engine …";
  const last = state.recent[0];
  return last ? ENDINGS[last.state] : "Ready";
}

/** The same for a screen reader: spoken whenever it changes, so only at every tenth of a job. */
export function announcement(view) {
  const job = view.connected !== false && !view.asked && view.state?.running;
  if (!job || job.message) return status(view);
  const picture = job.count > 1 ? `Picture ${job.picture} of ${job.count}, ` : "";
  return `${picture}${Math.floor(share(job) * 10) * 10} percent`;
}
