// The keys of the results, and the list of all keys. None of them is taken from whoever is typing.

import { element } from "./elements.js";
import { toNegative } from "./negative.js";

const KEYS = [
  ["Ctrl + Enter", "Generate"],
  ["Esc", "Stop; close what is open"],
  ["← →", "The other pictures"],
  ["F", "The picture in full size"],
  ["G", "All pictures of its job side by side"],
  ["Z", "There: every pixel, or as large as fits"],
  ["/", "To the prompt"],
  ["Alt + ↓", "In a word that is underlined: the nearest that is known"],
  ["N", "To the negative prompt"],
  ["F1", "In a control: what it does"],
  ["Ctrl + ↑ ↓", "Weight of the selected words in a prompt"],
  ["↑ ↓", "On a waiting job: sooner, later"],
  ["Ctrl + Z", "Outside a text: take the last overwrite of the form back"],
  ["?", "This list"],
];

export function openKeys() {
  if (document.querySelector("dialog[open]")) return;
  const rows = KEYS.map(([key, does]) =>
    element("div", {}, element("dt", {}, element("kbd", {}, key)), element("dd", {}, does)),
  );
  const close = element("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const title = element("h2", { id: "taffy-keys" }, "Keys");
  const dialog = element("dialog", { className: "taffy-keys" }, title, element("dl", {}, ...rows), close);
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
}

const show = (detail) => document.dispatchEvent(new CustomEvent("taffy-show", { detail }));

const ACTS = {
  "?": openKeys,
  f: () => show({ full: true }),
  n: toNegative,
  g: () => show({ together: true }),
  ArrowLeft: () => show({ places: -1 }),
  ArrowRight: () => show({ places: 1 }),
};
const TAKEN = "input, textarea, select, [contenteditable], [role=slider], [role=combobox], [role=tablist], taffy-queue";

document.addEventListener("keydown", (event) => {
  const act = ACTS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const isOurs = !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented;
  if (!act || !isOurs || event.target.closest?.(TAKEN) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  act();
});
