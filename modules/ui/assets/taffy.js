// The live half of the page: our own elements (Gradio lays out the form around them), the keys, and the Stop buttons.
// What only another tab has is in the script of that tab's name, which is fetched when the tab is opened first.

import "./about.js";
import "./complete.js";
import "./engine.js";
import "./extension-picture.js";
import "./keys.js";
import "./helpers.js";
import "./live.js";
import "./limits.js";
import "./models-hint.js";
import "./note.js";
import "./queue.js";
import "./quick.js";
import "./stage.js";
import "./tab.js";
import "./unusable.js";
import "./usual.js";
import "./weights.js";
import "./words.js";
import { activeJob, asked, cancel, watch } from "./view.js";

const PATIENCE_MS = 5000; // after that a click that nobody answered is no longer news

const inSight = (selector) => [...document.querySelectorAll(selector)].find((button) => button.offsetParent);

function stop() {
  const job = activeJob();
  if (job) cancel(job.id);
}

document.addEventListener("click", ({ target }) => {
  if (target.closest(".taffy-stop")) stop();
  if (target.closest(".taffy-generate")) {
    asked(true);
    setTimeout(() => asked(false), PATIENCE_MS);
  }
});

document.addEventListener(
  "keydown",
  (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      inSight(".taffy-generate")?.click();
    } else if (event.key === "Escape" && !document.querySelector("[aria-expanded=true][role=combobox], dialog[open]")) {
      stop();
    }
  },
  { capture: true },
);

/** Gradio puts one on the page when the server refuses what the form says. */
customElements.define(
  "taffy-refusal",
  class extends HTMLElement {
    connectedCallback() {
      asked(false);
    }
  },
);

watch(() => {
  for (const button of document.querySelectorAll(".taffy-stop")) button.disabled = !activeJob();
});
