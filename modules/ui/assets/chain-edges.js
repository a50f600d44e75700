// How the new edges of a picture are painted when it is zoomed out. Knows no page.

const ANEW = 0.9; // strength: what lies beyond the edge is new, and its first colours are kept
const SMALL = 0.45; // of a checkpoint that knows one thing at a time: more, and it puts something there
const FAR = 1.5; // times a checkpoint's own side: a larger picture's edges are painted at that side, then enlarged

/** A checkpoint that lists its things knows little else: asked for a cat it draws pieces of a second one around the
first, and nothing well but at its own size. */
export const knowsOneThing = (card) => Boolean(card?.words.concepts?.length);

/** Fields of the request for a picture of this size; card: of the checkpoint that will paint. */
export function edges({ width, height }, card) {
  const mask_content = "original"; // the continued edge
  if (knowsOneThing(card)) return { strength: SMALL, mask_content, only_masked: true };
  return { strength: ANEW, mask_content, only_masked: Math.max(width, height) > FAR * (card?.native_size ?? Infinity) };
}
