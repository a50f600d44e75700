// What this page knows of the server, and the two things it may ask of it. Everything on the page is drawn from here.

import { connect } from "./connect.js";
import { joined, readMore } from "./history.js";

/** state, frame: the newest of the server (see `/jobs/stream`). asked: a picture was asked for and not heard of yet. */
export const view = { state: null, frame: null, connected: null, asked: false };

const listeners = new Set();

/** Call `listener(kind)` now and at every change; returns what ends it. */
export function watch(listener) {
  listeners.add(listener);
  listener("state");
  if (view.frame) listener("frame"); // who comes late sees it too, and does not wait for the next step
  return () => listeners.delete(listener);
}

function tell({ kind, value }) {
  view[kind] = kind === "state" ? { ...value, recent: joined(value.recent, older) } : value;
  if (kind === "state") view.asked = false;
  for (const listener of listeners) listener(kind);
}

/** More of the jobs that ended are known. */
function older(recent) {
  view.state = { ...view.state, recent };
  for (const listener of listeners) listener("state");
}

/** Read jobs that ended longer ago than those that are shown. */
export const showMore = () => readMore(older);

/** The job that Stop ends: the running one, else the next. */
export const activeJob = () => view.state?.running ?? view.state?.waiting.find((job) => !job.owner) ?? null;

export function cancel(id) {
  return fetch(`/jobs/${encodeURIComponent(id)}/cancel`, { method: "POST" });
}

/** Let a waiting job run before another one; after all others for null. */
export function move(id, before) {
  const headers = { "Content-Type": "application/json" };
  return fetch(`/jobs/${encodeURIComponent(id)}/move`, { method: "POST", headers, body: JSON.stringify({ before }) });
}

/** Say at once that a click was seen; the server's answer replaces it. */
export function asked(value) {
  tell({ kind: "asked", value });
}

if (window.SharedWorker) {
  const { port } = new SharedWorker(new URL("shared.js", import.meta.url), { type: "module", name: "taffy" });
  port.onmessage = ({ data }) => {
    port.postMessage("next"); // it comes when all of this is drawn
    data.forEach(tell);
  };
} else {
  connect(tell);
}
