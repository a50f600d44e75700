// A wavy line under the words of the prompt that the checkpoint never saw. A text field cannot mark its words, so the
// same text lies behind it, unseen but for the lines. A click on such a word, or Alt and arrow down in it, offers the
// nearest that is known. The list beneath the prompt says the same to those who do not see this.

import { offer } from "./complete.js";
import { element } from "./elements.js";
import { promptBox, remember } from "./form.js";

const METRICS = ["font", "letterSpacing", "wordSpacing", "lineHeight", "textIndent", "textAlign", "direction", "tabSize"];
const LEFT_ALONE = "<[^>]*>|\\bBREAK\\b|\\bAND\\b"; // as the server leaves it alone, see modules/text/vocabulary.py

const mirror = element("div", { className: "taffy-mirror", ariaHidden: "true" });
const sized = new ResizeObserver(() => lay());
const met = new WeakSet(); // prompts that are listened to
let strangers = []; // [{word, nearest}]
let box = null;

/** Where the strangers stand in a text: [{from, to, word, nearest}] */
export function places(text, words) {
  if (!words.length) return [];
  const known = new Map(words.map((found) => [found.word, found]));
  const letters = "[\\p{L}\\p{M}]";
  const either = words.map(({ word }) => word).join("|");
  const marks = new RegExp(`${LEFT_ALONE}|(?<!${letters})(${either})(?!${letters})`, "gu");
  return [...text.matchAll(marks)]
    .filter(([, word]) => word)
    .map((match) => ({ from: match.index, to: match.index + match[1].length, ...known.get(match[1]) }));
}

/** The field's own measures, wherever Gradio puts it and however it grows. */
function lay() {
  const style = getComputedStyle(box);
  for (const name of METRICS) mirror.style[name] = style[name];
  for (const side of ["Top", "Right", "Bottom", "Left"]) {
    mirror.style[`padding${side}`] = style[`padding${side}`];
    mirror.style[`border${side}Width`] = style[`border${side}Width`];
  }
  mirror.style.left = `${box.offsetLeft}px`;
  mirror.style.top = `${box.offsetTop}px`;
  mirror.style.width = `${box.clientWidth + parseFloat(style.borderLeftWidth) + parseFloat(style.borderRightWidth)}px`;
  mirror.style.height = `${box.offsetHeight}px`;
  mirror.scrollTop = box.scrollTop;
}

function draw() {
  const text = box.value;
  const parts = [];
  let at = 0;
  for (const { from, to } of places(text, strangers)) {
    parts.push(text.slice(at, from), element("mark", {}, text.slice(from, to)));
    at = to;
  }
  mirror.replaceChildren(...parts, `${text.slice(at)}\n`); // an empty last line has a height too
  mirror.scrollTop = box.scrollTop;
}

/** Offer what the word under the caret could be. */
function help() {
  const caret = box.selectionEnd;
  if (box.selectionStart !== caret) return false;
  const found = places(box.value, strangers).find(({ from, to, nearest }) => nearest && from <= caret && caret <= to);
  if (!found) return false;
  const accepted = () => remember(`“${found.word}” became “${found.nearest}”`);
  offer([found.nearest], found.from, found.to, accepted);
  return true;
}

function attach(found) {
  sized.disconnect();
  box = found;
  box.parentElement.style.position = "relative";
  box.before(mirror);
  sized.observe(box);
  if (met.has(box)) return;
  met.add(box);
  box.addEventListener("scroll", () => (mirror.scrollTop = box.scrollTop), { passive: true });
  box.addEventListener("input", draw);
  box.addEventListener("click", help);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && event.altKey && help()) event.preventDefault();
  });
}

/** Underline these words in the prompt from now on. */
export function underline(words) {
  const found = promptBox();
  if (!found) return;
  if (found !== box || !mirror.isConnected) attach(found);
  strangers = words;
  draw();
}
