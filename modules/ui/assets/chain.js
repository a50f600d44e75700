// From one picture to the next: larger, zoomed out, or over to img2img. Each is one click, and can be taken back.

import { cardOf } from "./cards.js";
import { edges, knowsOneThing } from "./chain-edges.js";
import { form } from "./form.js";
import { zoomedOut } from "./img2img-extend.js";
import { requestOf } from "./pictures.js";
import { send } from "./source-picture.js";
import { inputFromGallery, post } from "./source-upload.js";
import { sendToStyle } from "./style-source.js";
import { bestOf, upscalers } from "./upscalers.js";
import { asked } from "./view.js";

const LARGER = 2;
const OVERLAP = 1 / 8; // of the shorter side: more eats into what a small picture shows
const ANEW = { mask: "", width: 0, height: 0, count: 1, seed: -1, hires_scale: 1, variation_strength: 0, earlier_variations: "" };
const UNSTYLED = { style_mode: "none", style_images: [], style_weights: [], style_match: false };

/** A job for an input picture, twice as large. */
export async function enlarge(image, parent = "") {
  return job({ kind: "upscale", image, upscaler: bestOf(await upscalers()), scale: LARGER, parent });
}

/** {id, notes} */
async function job(request) {
  asked(true);
  try {
    return await post("/jobs", request);
  } catch (error) {
    asked(false);
    throw error;
  }
}

/** The checkpoint that made the picture paints its edges too; that of the form, if it was only made larger or brought. */
async function zoomOut(picture) {
  const [{ id }, made] = await Promise.all([inputFromGallery(picture.id), requestOf(picture)]);
  const { checkpoint } = made.checkpoint ? made : form.values;
  const words = made.kind ? {} : made; // a picture that was made larger has none
  const card = cardOf(checkpoint);
  const prompt = words.prompt && knowsOneThing(card) ? (await post("/words", { prompt: words.prompt, checkpoint })).scenery : words.prompt;
  const how = { ...zoomedOut(picture, card?.size_multiple), ...edges(picture, card) };
  how.extend_overlap = Math.min(16, Math.round(Math.min(picture.width, picture.height) * OVERLAP));
  return job({ ...words, ...ANEW, ...UNSTYLED, ...how, prompt, checkpoint, image: id, parent: picture.id, origin: "zoom out" });
}

/** The picture that was made in fast mode, with every step whole. */
async function exact(picture) {
  const made = await requestOf(picture);
  return job({ ...made, fast_every: 1, parent: picture.id, origin: "exact" });
}

/** Buttons for the picture that `actions` shows. */
export function chainButtons(actions) {
  const asks = actions.asks.bind(actions);
  const sends = (label, title, what, how) => actions.button(label, title, () => send(actions.picture, what, how));
  return [
    asks("Upscale", "Twice as large, with the best upscaler there is", async ({ id }) => enlarge((await inputFromGallery(id)).id, id)),
    Object.assign(asks("Same, exact", "Make it once more with every step whole", exact), { className: "taffy-exact", hidden: true }),
    asks("Zoom out", "A quarter more on every side, painted anew", zoomOut),
    sends("Remix", "Start from this picture, with its own prompt open to change", "the remix", { whole: true }),
    sends("To img2img", "Change this picture", "the picture that was sent"),
    sends("To inpaint", "Change a part of this picture", "the picture that was sent", { isMask: true }),
    actions.button("To style", "Give this picture another look", () => sendToStyle(actions.picture)),
  ];
}
