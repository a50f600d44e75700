// The pictures that the Extras tab asked for, across reloads: which job, what went in, what came out.

import { view, watch } from "./view.js";

const KEY = "taffy-extras-made";
const MOST = 48;
const AGAIN_MS = 500;

const listeners = new Set();
const asking = new Set(); // jobs whose answer is on its way

/** [{job, before, after, width, height, name, state, problem}], the newest first; `after` is empty until it is done. */
let made = JSON.parse(localStorage.getItem(KEY) ?? "[]");

export const allMade = () => made;

/** Call `listener()` now and at every change; returns what ends it. */
export function watchMade(listener) {
  listeners.add(listener);
  listener();
  return () => listeners.delete(listener);
}

function keep(all) {
  made = all.slice(0, MOST);
  localStorage.setItem(KEY, JSON.stringify(made));
  for (const listener of listeners) listener();
}

/** Jobs that were just put into the queue. */
export function asked(jobs) {
  keep([...jobs.map((job) => ({ job, before: "", after: "", state: "waiting" })).reverse(), ...made]);
  look(); // a quick one has ended before its id came back
}

export function forget(job) {
  keep(made.filter((one) => one.job !== job));
}

/** What became of a job, as the server knows it; one that it has forgotten is forgotten here too. */
async function learn({ job }) {
  if (asking.has(job)) return;
  asking.add(job);
  const answer = await fetch(`/jobs/${encodeURIComponent(job)}`).catch(() => null);
  asking.delete(job);
  if (answer?.status === 404) forget(job);
  if (!answer?.ok) return;
  const { state = "running", error, advice, request, pictures } = await answer.json();
  const [{ url = "", width = 0, height = 0 } = {}] = pictures;
  const problem = [error, advice].filter(Boolean).join("; ");
  const known = { job, before: `/inputs/${request.image}`, after: url, width, height, name: request.upscaler, state, problem };
  keep(made.map((one) => (one.job === job ? known : one)));
  if (!isEnded(known)) setTimeout(look, AGAIN_MS); // news may have come while this was asked
}

const isEnded = ({ state }) => ["done", "failed", "cancelled"].includes(state);

/** Ask about all that may have changed. */
function look() {
  if (!view.state) return;
  const waiting = new Set(view.state.waiting.map(({ id }) => id));
  const running = view.state.running?.id;
  for (const one of made) {
    if (isEnded(one) || waiting.has(one.job) || (one.job === running && one.before)) continue;
    learn(one);
  }
}

watch((kind) => kind === "state" && look());
