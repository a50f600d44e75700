// What can be done with all waiting jobs at once: let them rest, go on, cancel them. For the owner: everybody's.

import { element } from "./elements.js";
import { view, watch } from "./view.js";

function send(path, body) {
  const headers = { "Content-Type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Make a job that has ended once more. */
export const repeat = (id) => fetch(`/jobs/${encodeURIComponent(id)}/repeat`, { method: "POST" });

/** "Pause" and "Cancel all", in sight while there is something they are for. */
export function lineButtons() {
  const rests = () => Boolean(view.state?.paused.own || view.state?.paused.all);
  const isOwner = () => view.state?.me.role === "owner";
  const rest = element("button", { type: "button", className: "taffy-notify" });
  rest.onclick = async () => {
    const paused = !rests();
    await send("/jobs/pause", { paused, everybody: isOwner() });
    if (!paused && view.state.paused.own) await send("/jobs/pause", { paused });
  };
  const all = element("button", { type: "button", className: "taffy-notify" }, "Cancel all");
  all.title = "End your running and waiting jobs";
  all.onclick = () => send("/jobs/cancel", {});
  watch((kind) => {
    if (kind !== "state" || !view.state) return;
    const jobs = [...view.state.waiting, ...view.state.others].filter((job) => !job.owner);
    const own = jobs.length + Number(Boolean(view.state.running));
    rest.hidden = view.state.me.role === "viewer" || (!rests() && own === 0);
    rest.textContent = rests() ? "Go on" : "Pause";
    rest.title = rests() ? "Make the jobs that wait" : "Let waiting jobs rest; the running one comes to its end";
    all.hidden = view.state.me.role === "viewer" || own < 2;
  });
  return [rest, all];
}
