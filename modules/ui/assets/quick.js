// A LoRA in the prompt that draws in a few steps (LCM, Lightning ...) brings its steps, CFG scale, sampler and schedule,
// and takes them along when it leaves. The line says so, and Undo takes it back.

import { allCards, currentCard } from "./cards.js";
import { defaultsOf, unchosen } from "./defaults.js";
import { element } from "./elements.js";
import { currentTab, formOf, overwrite } from "./form.js";

const last = {}; // tab -> what the server said last, null without such a LoRA
const FIELDS = ["steps", "cfg_scale", "sampler", "schedule"];

const settings = ({ steps, cfg, sampler, schedule }) => ({ steps, cfg_scale: cfg, sampler, schedule });

/** Back to the checkpoint's, where the values are still the LoRA's. */
function leaving(tab, quick) {
  const card = currentCard();
  if (!card) return {};
  const [values, theirs, usual] = [formOf(tab), settings(quick), defaultsOf(card)];
  return Object.fromEntries(FIELDS.filter((name) => values[name] === theirs[name]).map((name) => [name, usual[name]]));
}

document.addEventListener("taffy-prompt", ({ detail: { quick = null } }) => {
  const tab = currentTab();
  const before = last[tab];
  last[tab] = quick;
  document.querySelector(`#taffy-frame-${tab} taffy-quick`)?.draw(quick);
  if (before === undefined || before?.lora === quick?.lora) return; // a form that was just filled is as somebody left it
  const changes = quick ? unchosen(tab, settings(quick), allCards()) : leaving(tab, before);
  if (Object.keys(changes).length) overwrite(`the settings of ${(quick ?? before).lora}`, changes);
});

class QuickLine extends HTMLElement {
  connectedCallback() {
    this.className = "taffy-quick";
    this.setAttribute("role", "status");
  }

  draw(quick) {
    const say = ({ lora, kind, steps, cfg, sampler, schedule }) =>
      `The LoRA “${lora}” is a ${kind}: best at ${steps} steps, CFG ${cfg}, ${sampler}, ${schedule}.`;
    this.replaceChildren(...(quick ? [element("p", {}, say(quick))] : []));
  }
}

customElements.define("taffy-quick", QuickLine);
