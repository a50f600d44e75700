// A list under the prompt that ends the word being written, for checkpoints that say which words they know.

import { currentCard, vocabulary } from "./cards.js";
import { element } from "./elements.js";
import { promptBox, type } from "./form.js";

const MOST = 8;
const ID = "taffy-completions";

const list = element("ul", { id: ID, role: "listbox", ariaLabel: "Words this checkpoint knows", hidden: true });
let options = [];
let chosen = -1;
let start = 0; // where in the prompt the begun word begins, and where what is replaced ends
let end = 0;
let accepting = () => {}; // is told before the prompt changes

/** The begun word or phrase before the caret, longest first: "a van go" -> ["a van go", "van go", "go"] with places. */
function tails(text) {
  const clause = text.match(/[^,.;:()[\]<>|\n]*$/u)[0];
  const places = [...clause.matchAll(/(?<![\p{L}\p{N}])[\p{L}\p{N}]/gu)].map(({ index }) => index);
  return places.map((at) => ({ tail: clause.slice(at), at: text.length - clause.length + at }));
}

/** {at, words}: what could stand from `at` on; no words if nothing fits or the word is complete. */
function completions(text) {
  const words = [...new Set(vocabulary(currentCard()).flatMap(([, known]) => known))];
  for (const { tail, at } of tails(text)) {
    const begun = tail.toLowerCase();
    if (words.some((word) => word.toLowerCase() === begun)) return { at, words: [] };
    const found = words.filter((word) => word.toLowerCase().startsWith(begun));
    if (found.length) return { at, words: found.slice(0, MOST) };
  }
  return { at: 0, words: [] };
}

function close() {
  list.hidden = true;
  chosen = -1;
  const box = promptBox();
  box?.setAttribute("aria-expanded", "false");
  box?.removeAttribute("aria-activedescendant");
}

function choose(place) {
  chosen = (place + options.length) % options.length;
  [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
  promptBox().setAttribute("aria-activedescendant", list.children[chosen].id);
}

function accept(place) {
  accepting();
  type(promptBox(), start, end, options[place]);
  close();
}

function place(box) {
  const { left, bottom, width } = box.getBoundingClientRect();
  list.style.left = `${left + scrollX}px`;
  list.style.top = `${bottom + scrollY + 2}px`;
  list.style.maxWidth = `${width}px`;
}

function suggest(box) {
  const caret = box.selectionEnd;
  const { at, words } = box.selectionStart === caret ? completions(box.value.slice(0, caret)) : {};
  if (!words?.length || /^[\p{L}\p{N}]/u.test(box.value.slice(caret))) return close();
  offer(words, at, caret);
}

/** Show words that could stand in the prompt between two places. */
export function offer(words, from, to, accepted = () => {}) {
  const box = promptBox();
  [options, start, end, chosen, accepting] = [words, from, to, -1, accepted];
  box.removeAttribute("aria-activedescendant");
  list.replaceChildren(
    ...words.map((word, number) => {
      const option = element("li", { id: `${ID}-${number}`, role: "option", ariaSelected: "false" }, word);
      option.onpointerdown = (event) => {
        event.preventDefault(); // the prompt keeps the focus
        accept(number);
      };
      return option;
    }),
  );
  place(box);
  requestAnimationFrame(() => place(box)); // a field that has just grown
  list.hidden = false;
  box.setAttribute("aria-expanded", "true");
}

const KEYS = {
  ArrowDown: () => choose(chosen + 1),
  ArrowUp: () => choose(chosen < 0 ? -1 : chosen - 1),
  Tab: () => accept(Math.max(chosen, 0)),
  Enter: () => chosen >= 0 && accept(chosen),
  Escape: close,
};

document.addEventListener("focusin", ({ target }) => {
  if (target !== promptBox()) return;
  document.body.append(list);
  const roles = { role: "combobox", "aria-autocomplete": "list", "aria-controls": ID, "aria-expanded": "false" };
  for (const [name, value] of Object.entries(roles)) target.setAttribute(name, value);
});
document.addEventListener("focusout", ({ target }) => target === promptBox() && close());
document.addEventListener("input", ({ target, isTrusted, inputType }) => {
  if (target === promptBox() && isTrusted && inputType !== "historyUndo") suggest(target);
});
document.addEventListener(
  "keydown",
  (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey && !event.isComposing;
    if (list.hidden || event.target !== promptBox() || !plain || !KEYS[event.key]) return;
    if (event.key === "Enter" && chosen < 0) return close();
    event.preventDefault();
    event.stopImmediatePropagation();
    KEYS[event.key]();
  },
  { capture: true },
);
