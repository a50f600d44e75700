// A note from the browser when a job is done while nobody looks. Off until somebody switches it on.

import { element } from "./elements.js";
import { view, watch } from "./view.js";

const STORED = "taffy-notify";
const WORDS = { done: "Your picture is done", failed: "This one failed" };

const isOn = () => localStorage.getItem(STORED) === "on" && Notification.permission === "granted";

/** The switch; nothing in a browser that cannot notify, or may not (without https it may only on this computer). */
export function notifySwitch() {
  if (!window.Notification || !isSecureContext) return "";
  const button = element("button", { type: "button", className: "taffy-notify" }, "Notify me");
  const draw = () => {
    const isDenied = Notification.permission === "denied";
    button.setAttribute("aria-pressed", String(isOn()));
    button.title = isDenied
      ? "The browser forbids this page to notify you; its site settings can allow it"
      : "A note from the browser when a picture is done and this page is not in sight";
  };
  button.onclick = async () => {
    localStorage.setItem(STORED, isOn() ? "off" : "on");
    if (localStorage.getItem(STORED) === "on") await Notification.requestPermission();
    draw();
  };
  draw();
  return button;
}

let last; // id of the job that ended last, undefined until the server has said

watch((kind) => {
  if (kind !== "state" || !view.state) return;
  const [job] = view.state.recent;
  const isNews = last !== undefined && job && job.id !== last;
  last = job?.id ?? null;
  if (isNews && WORDS[job.state] && document.hidden && isOn()) {
    const note = new Notification(WORDS[job.state], {
      body: job.prompt,
      tag: job.id, // one note however many tabs there are
      icon: job.pictures.at(-1)?.url,
    });
    note.onclick = () => window.focus();
  }
});
