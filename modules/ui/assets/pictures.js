// The pictures that the page shows, and what can be asked of one.

import { asked, view } from "./view.js";

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

async function answer(url, options) {
  const reply = await fetch(url, options);
  const value = await reply.json();
  if (!reply.ok) throw new Error([value.error, value.advice].filter(Boolean).join("; "));
  return value;
}

/** The request that makes exactly this picture again. */
export const requestOf = (picture) => answer(`${picture.url}/request`);

/** Fill the form: every field that `fields` names. The form listens. */
export function reuse(fields) {
  document.dispatchEvent(new CustomEvent("taffy-reuse", { detail: fields }));
}

/** Ask for the picture once more with its noise turned toward another, 0 (the same) to 1 (all of it). */
export async function vary(picture, strength) {
  asked(true);
  try {
    const variation_seed = crypto.getRandomValues(new Uint32Array(1))[0];
    const request = { ...(await requestOf(picture)), variation_seed, variation_strength: strength };
    const headers = { "Content-Type": "application/json" };
    await answer("/jobs", { method: "POST", headers, body: JSON.stringify(request) });
  } catch (error) {
    asked(false);
    throw error;
  }
}
