// Controls that do nothing for the form's checkpoint are greyed, and say why: one that runs in diffusers' own pipeline has
// its own sampler and paints from words alone.

import { currentCard, watchCards } from "./cards.js";
import { currentTab, watchForm } from "./form.js";

const IDLE = [".taffy-sampler", ".taffy-schedule", ".taffy-tiling", "[class*=taffy-fast_]", "[id$=variation]", "#hires", "[id$=vae]"];

function mark() {
  const frame = document.querySelector(`#taffy-frame-${currentTab()}`);
  const { name, pipeline } = currentCard() ?? {};
  for (const control of frame?.querySelectorAll(IDLE.join(", ")) ?? []) {
    if (control.inert === Boolean(pipeline)) continue;
    control.inert = Boolean(pipeline);
    control.title = pipeline ? `${name} runs as a whole in diffusers' ${pipeline}: this does nothing there` : "";
  }
}

watchForm(mark);
watchCards(mark);
