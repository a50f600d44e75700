// How the new edges of a picture are painted when it is zoomed out. Knows no page.

const ANEW = 0.9; // strength: what lies beyond the edge is new, and its first colours are kept
const SMALL = 0.45; // of a checkpoint that knows one thing at a time: more, and it puts something there
const FAR = 1.5; // times a checkpoint's own side: a larger picture's edges are painted at that side, then enlarged

/** A prompt without the thing that is drawn, and how: "a bold fox on a blue background" -> "on a blue background". */
export function scenery(prompt, { concepts, hands = [] }) {
  const drawn = [...concepts, ...hands].sort((one, other) => other.length - one.length);
  const named = new RegExp(`\\b(?:an? |the )?(?:${drawn.join("|")})\\b`, "gi");
  const parts = prompt.split(",").map((part) => part.replace(named, " ").replace(/ +/g, " ").replace(/ of ?$/, "").trim());
  return parts.filter(Boolean).join(", ");
}

/** Fields of the request for a picture of this size. A checkpoint that lists its words, asked for a cat, draws pieces
of a second one around the first, and nothing well but at its own size. */
export function edges({ width, height }, prompt, card) {
  const mask_content = "original"; // the continued edge
  if (card?.words.concepts) {
    return { prompt: scenery(prompt, card.words), strength: SMALL, mask_content, only_masked: true };
  }
  return { strength: ANEW, mask_content, only_masked: Math.max(width, height) > FAR * (card?.native_size ?? Infinity) };
}
