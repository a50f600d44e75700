// Under the prompt: how long it is, words the checkpoint never saw, examples to click, and what it knows.

import { currentCard, vocabulary, watchCards } from "./cards.js";
import { element } from "./elements.js";
import { form, overwrite, promptBox, remember, type, watchForm } from "./form.js";
import { places, underline } from "./underline.js";
import { view, watch } from "./view.js";

const PAUSE_MS = 250;
const EXAMPLES = "taffy-examples"; // "open" or "closed", once somebody chose
const KINDS = { concepts: "Things", hands: "Drawing hands", treatments: "Treatments", backgrounds: "Backgrounds", synonyms: "Also understood" };

const article = (word) => (/^[aeiou]/.test(word) ? "an" : "a");
const PHRASES = { backgrounds: (word) => `on ${article(word)} ${word} background`, treatments: (word) => `, ${word}` };

/** Add a phrase where the caret is, with a space on both sides where it needs one. */
function insert(phrase) {
  const box = promptBox();
  const { value, selectionStart: from, selectionEnd: to } = box;
  const before = from && !/\s$/.test(value.slice(0, from)) && !phrase.startsWith(",") ? " " : "";
  const after = /^[\p{L}\p{N}]/u.test(value.slice(to)) ? " " : "";
  type(box, from, to, before + phrase + after);
}

/** Put a known word in the place of one that is not. */
function correct(word, nearest) {
  const box = promptBox();
  const [found] = places(box.value, [{ word }]);
  if (!found) return;
  remember(`“${word}” became “${nearest}”`);
  type(box, found.from, found.to, nearest);
}

class Words extends HTMLElement {
  connectedCallback() {
    this.count = element("span", { className: "taffy-tokens" });
    this.unknown = element("ul", { className: "taffy-unknown" });
    this.chips = element("div", { className: "taffy-chips taffy-examples" });
    this.examples = element("details", { hidden: true }, element("summary", {}, "Examples"), this.chips);
    this.examples.firstChild.onclick = () => localStorage.setItem(EXAMPLES, this.examples.open ? "closed" : "open");
    this.knows = element("div", { className: "taffy-kinds" });
    this.knowsWhat = element("summary");
    this.vocabulary = element("details", { hidden: true }, this.knowsWhat, this.knows);
    const strangers = element("div", { role: "status" }, this.unknown);
    const line = element("div", { className: "taffy-under" }, strangers, this.count);
    this.replaceChildren(line, this.examples, this.vocabulary);
    this.ends = [watchCards(() => this.drawCard()), watchForm(() => this.follow()), watch(() => this.fold())];
  }

  disconnectedCallback() {
    this.ends.forEach((end) => end());
  }

  follow() {
    if (!this.offsetParent) return; // another tab's form is in sight
    if (currentCard() !== this.card) this.drawCard();
    const question = JSON.stringify({
      prompt: form.values.prompt ?? "",
      checkpoint: form.values.checkpoint ?? "",
    });
    if (question === this.question) return;
    this.question = question;
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.judge(question), PAUSE_MS);
  }

  async judge(question) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("/words", { method: "POST", headers, body: question }).catch(() => null);
    if (!answer?.ok || question !== this.question) return;
    const told = await answer.json();
    const { tokens, window: size, unknown } = told;
    document.dispatchEvent(new CustomEvent("taffy-prompt", { detail: told }));
    const room = Math.max(1, Math.ceil(tokens / size)) * size;
    this.count.replaceChildren(element("span", { ariaHidden: "true" }, `${tokens}/${room}`));
    this.count.append(element("span", { className: "taffy-spoken" }, `${tokens} of ${room} tokens`));
    this.count.title = "How much of the checkpoint's attention span the prompt takes, in tokens";
    const strange = unknown.filter(({ word }) => !this.isBegun(word));
    underline(strange);
    this.unknown.replaceChildren(...strange.map((found) => this.stranger(found)));
  }

  /** Whether somebody is just writing this word, and it may become one that is known. */
  isBegun(word) {
    const box = promptBox();
    if (document.activeElement !== box || !box.value.slice(0, box.selectionEnd).endsWith(word)) return false;
    const known = vocabulary(this.card).flatMap(([, words]) => words.flatMap((phrase) => phrase.split(/[\s-]+/)));
    return known.some((one) => one.startsWith(word.toLowerCase()));
  }

  stranger({ word, nearest }) {
    const who = this.card?.name ?? "this checkpoint";
    const item = element("li", {}, element("q", {}, word), ` is not a word ${who} knows`);
    if (!nearest) return item;
    const label = `Replace “${word}” by “${nearest}”`;
    const onclick = () => correct(word, nearest);
    item.append(": ", element("button", { type: "button", title: label, ariaLabel: label, onclick }, `${nearest}?`));
    return item;
  }

  drawCard() {
    this.card = currentCard();
    const use = (prompt) => overwrite("the example", { prompt });
    const examples = this.card?.examples ?? [];
    this.chips.replaceChildren(
      ...examples.map((text) => element("button", { type: "button", onclick: () => use(text) }, text)),
    );
    this.examples.hidden = !examples.length;
    const kinds = vocabulary(this.card);
    this.vocabulary.hidden = !kinds.length;
    this.knowsWhat.textContent = `What ${this.card?.name} knows`;
    this.knows.replaceChildren(...kinds.map(([kind, words]) => this.kind(kind, words)));
    this.fold();
  }

  kind(kind, words) {
    const phrase = PHRASES[kind] ?? ((word) => word);
    const chip = (word) => element("button", { type: "button", onclick: () => insert(phrase(word)) }, word);
    const title = KINDS[kind] ?? kind[0].toUpperCase() + kind.slice(1);
    const chips = element("div", { className: "taffy-chips", role: "group", ariaLabel: title }, ...words.map(chip));
    return element("div", {}, element("p", {}, title), chips);
  }

  /** Examples are open until there is a picture, or as somebody left them. */
  fold() {
    const chosen = localStorage.getItem(EXAMPLES);
    const made = view.state?.recent.some(({ pictures }) => pictures.length > 0);
    if (chosen) this.examples.open = chosen === "open";
    else if (view.state) this.examples.open = !made;
  }
}

customElements.define("taffy-words", Words);
