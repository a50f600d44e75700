// Ctrl+Up and Ctrl+Down in a prompt: the weight of the selected words, as A1111 does it.

import { type } from "./form.js";

const STEP = 0.05;
const MOST = 10;

/** Where the words are that a caret means: the inside of its brackets with a weight, else the word under it. */
function meant(text, caret) {
  for (const match of text.matchAll(/\(([^()]*):(-?\d*\.?\d+)\)/g)) {
    const inside = match.index + 1;
    if (match.index <= caret && caret <= match.index + match[0].length) return [inside, inside + match[1].length];
  }
  const from = caret - text.slice(0, caret).match(/[\p{L}\p{N}'_-]*$/u)[0].length;
  return [from, caret + text.slice(caret).match(/^[\p{L}\p{N}'_-]*/u)[0].length];
}

/** {from, to, words, weight}: what is to be replaced, and by what; null where there are no words. */
export function weigh(text, start, end, change) {
  let [from, to] = start === end ? meant(text, start) : [start, end];
  while (to > from && /\s/.test(text[to - 1])) to--;
  while (from < to && /\s/.test(text[from])) from++;
  if (from === to) return null;
  const words = text.slice(from, to);
  const behind = text.slice(to).match(/^:(-?\d*\.?\d+)\)/);
  const weighed = text[from - 1] === "(" && behind;
  const weight = Math.min(MOST, Math.max(0, Math.round(((weighed ? Number(behind[1]) : 1) + change) * 100) / 100));
  return weighed ? { from: from - 1, to: to + behind[0].length, words, weight } : { from, to, words, weight };
}

document.addEventListener("keydown", (event) => {
  const box = event.target;
  const up = event.key === "ArrowUp";
  if (!(event.ctrlKey || event.metaKey) || !(up || event.key === "ArrowDown")) return;
  if (!box.matches?.(".taffy-writing textarea")) return;
  event.preventDefault();
  const found = weigh(box.value, box.selectionStart, box.selectionEnd, up ? STEP : -STEP);
  if (!found) return;
  const { from, to, words, weight } = found;
  type(box, from, to, weight === 1 ? words : `(${words}:${weight})`);
  const inside = from + (weight === 1 ? 0 : 1);
  box.setSelectionRange(inside, inside + words.length);
});
