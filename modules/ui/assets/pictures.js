// The pictures that the page shows, and what can be asked of one.

import { post, read } from "./source-upload.js";
import { asked, view } from "./view.js";

const NOISELESS = ["colour", "inject"]; // ways of style transfer

/** All pictures of these jobs, newest first. job: the one it belongs to. */
export function pictures({ running, recent }) {
  const jobs = running ? [running, ...recent] : recent;
  return jobs.flatMap((job) => job.pictures.map((picture) => ({ ...picture, prompt: job.prompt, job })).reverse());
}

/** Of the pictures on the page the one so many places further than `id`; the newest for an unknown one. */
export function neighbour(id, distance) {
  const all = view.state ? pictures(view.state) : [];
  const place = all.findIndex((picture) => picture.id === id);
  return all[place < 0 ? 0 : Math.min(all.length - 1, Math.max(0, place + distance))] ?? null;
}

/** The request that makes exactly this picture again. */
export const requestOf = (picture) => read(`${picture.url}/request`);

/** Fill the form: every field that `fields` names. The form listens. */
export function reuse(fields) {
  document.dispatchEvent(new CustomEvent("taffy-reuse", { detail: fields }));
}

/** All turns of the noise that made a picture, which its child begins with. */
function turnsOf({ earlier_variations: earlier, variation_seed: seed, variation_strength: strength }) {
  return strength ? [earlier, `${seed}:${strength}`].filter(Boolean).join(", ") : earlier;
}

/** Ask for the picture once more with its noise turned toward another, 0 (the same) to 1 (all of it): {id, notes} */
export async function vary(picture, strength) {
  asked(true);
  try {
    const variation_seed = crypto.getRandomValues(new Uint32Array(1))[0];
    const made = await requestOf(picture);
    if (made.kind || NOISELESS.includes(made.style_mode)) throw new Error("it was not made from noise, which is what is varied");
    const child = { parent: picture.id, origin: "vary", earlier_variations: turnsOf(made) };
    const request = { ...made, ...child, variation_seed, variation_strength: strength };
    return await post("/jobs", request);
  } catch (error) {
    asked(false);
    throw error;
  }
}
