// The picture that img2img starts from, as far as this page knows it: its size, and how it came here.

import { currentTab, form, formOf, openTab, overwrite, promptBox } from "./form.js";
import { requestOf } from "./pictures.js";
import { inputFromGallery } from "./source-upload.js";

export const TAB = "img2img";

const listeners = new Set();

/** {id, width, height, notes, has_alpha}: what is shown, in pixels, and what the server said of it; id is empty when there
is none. */
export const picture = { id: "", width: 0, height: 0, notes: [], has_alpha: false };

/** Call `listener()` now and whenever there is another picture; returns what ends it. */
export function watchPicture(listener) {
  listeners.add(listener);
  listener();
  return () => listeners.delete(listener);
}

export function tellPicture(id, { width = 0, height = 0, notes = [], has_alpha = false } = {}) {
  Object.assign(picture, { id, width, height, notes, has_alpha });
  for (const listener of listeners) listener();
}

export const isInSight = () => currentTab() === TAB && Boolean(document.querySelector("taffy-source")?.offsetParent);

/** Start from this input, with an empty mask. `what` is for the Undo button; more: further fields. */
export function startFrom(input, what, more = {}) {
  const parent = input.parent ?? "";
  overwrite(what, { image: input.id, mask: "", parent, origin: parent ? TAB : "", ...more });
}

/** Take a picture of the gallery over to this tab. whole: with all its parameters, and its prompt open to change. */
export async function send({ id, url }, what, { whole = false, isMask = false } = {}) {
  const [input, request] = await Promise.all([inputFromGallery(id), requestOf({ url })]);
  const { prompt, negative_prompt, checkpoint, extras, kind, ...others } = request;
  const words = kind ? {} : { prompt, negative_prompt, checkpoint }; // a picture that was made larger has none
  await openTab(TAB);
  const own = { width: 0, height: 0, seed: -1, strength: formOf(TAB).strength, image: input.id, mask: "", parent: id };
  const all = { ...words, ...others, ...extras, ...own, origin: "remix" };
  startFrom(input, what, whole && !kind ? all : words);
  if (isMask) {
    await customElements.whenDefined("taffy-mask"); // its script may be on its way
    document.querySelector("taffy-mask")?.arm();
  } else if (whole) promptBox()?.select();
  document.querySelector("taffy-source")?.scrollIntoView({ block: "nearest" });
}

/** The form's values as a request: extensions' values travel under `extras`. */
export function asRequest(values = form.values) {
  const fields = Object.entries(values);
  const isExtra = ([name]) => name.includes(".");
  return {
    ...Object.fromEntries(fields.filter((field) => !isExtra(field))),
    extras: Object.fromEntries(fields.filter(isExtra)),
  };
}
