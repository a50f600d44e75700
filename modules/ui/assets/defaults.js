// What a checkpoint, or a LoRA that draws in a few steps, is best used with. Values that somebody chose stay: a value that
// is any checkpoint's default counts as chosen by nobody. The server knows the same in ui/form.py.

import { formOf } from "./form.js";

export const USUAL = { sampler: "DPM++ 2M", schedule: "automatic" };

/** As fields of the form. */
export const defaultsOf = (card) => ({
  width: card.native_size,
  height: card.native_size,
  steps: card.default_steps,
  cfg_scale: card.default_cfg,
  sampler: card.default_sampler || USUAL.sampler,
  schedule: card.default_schedule || USUAL.schedule,
});

/** Of the wanted values those that are new and take the place of one that nobody chose. */
export function unchosen(tab, wanted, cards) {
  const values = formOf(tab);
  const known = cards.map(defaultsOf);
  const isFree = (name) => known.some((defaults) => defaults[name] === values[name]);
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => value !== values[name] && isFree(name)));
}
