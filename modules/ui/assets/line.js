// What can be done with all waiting jobs at once: let them rest, go on, cancel them. For the owner: everybody's.

import { element } from "./elements.js";
import { view, watch } from "./view.js";

const HELD = ["Paused for all", "The owner lets all waiting jobs rest; yours keep their places"];
const GO_ON = ["Go on", "Make the jobs that wait"];
const PAUSE = ["Pause", "Let waiting jobs rest; the running one comes to its end"];

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
  const isHeld = () => Boolean(view.state?.paused.all) && !isOwner(); // somebody else must let it go on
  const rest = element("button", { type: "button", className: "taffy-notify", hidden: true });
  rest.onclick = async () => {
    const paused = !rests();
    await send("/jobs/pause", { paused, everybody: isOwner() });
    if (!paused && view.state.paused.own) await send("/jobs/pause", { paused });
  };
  const all = element("button", { type: "button", className: "taffy-notify", hidden: true }, "Cancel all");
  all.title = "End your running and waiting jobs";
  all.onclick = () => send("/jobs/cancel", {});
  watch((kind) => {
    if (kind !== "state" || !view.state) return;
    const jobs = [...view.state.waiting, ...view.state.others].filter((job) => !job.owner);
    const own = jobs.length + Number(Boolean(view.state.running));
    rest.hidden = view.state.me.role === "viewer" || (!rests() && own === 0);
    const [words, title] = isHeld() ? HELD : rests() ? GO_ON : PAUSE;
    Object.assign(rest, { textContent: words, title, disabled: isHeld() });
    all.hidden = view.state.me.role === "viewer" || own < 2;
  });
  return [rest, all];
}
