// What checkpoints there are. The list is asked for again while the page is looked at, so a new file just appears.

import { form } from "./form.js";

const EVERY_MS = 5000;
const NO_VOCABULARY = ["licences"];

const listeners = new Set();
let newest = "";
let cards = [];
let unusable = [];

/** Call `listener()` whenever the list has changed; returns what ends it. */
export function watchCards(listener) {
  listeners.add(listener);
  listener();
  return () => listeners.delete(listener);
}

/** Whether the list has come. */
export const areCardsKnown = () => newest !== "";

/** Those that can be used. */
export const allCards = () => cards;

export const cardOf = (checkpoint) => cards.find(({ name }) => name === checkpoint) ?? null;

/** The card of the form's checkpoint, or null. */
export const currentCard = () => cardOf(form.values.checkpoint);

/** What is in the models folders and cannot be used: [{name, problem}] */
export const problems = () => unusable;

/** [[kind, words]] of a card, without what nobody writes into a prompt. */
export const vocabulary = (card) => Object.entries(card?.words ?? {}).filter(([kind]) => !NO_VOCABULARY.includes(kind));

async function look() {
  const answer = await fetch("/checkpoints").catch(() => null); // the stream says when the server is away
  if (!answer?.ok) return;
  const text = await answer.text();
  if (text === newest) return;
  const first = newest === "";
  newest = text;
  const entries = JSON.parse(text);
  cards = entries.flatMap(({ card }) => (card ? [card] : []));
  unusable = entries.filter(({ card }) => !card);
  if (!first) for (const button of document.querySelectorAll("[id^=taffy-refresh-]")) button.click(); // fills the lists
  for (const listener of listeners) listener();
}

setInterval(() => document.visibilityState === "visible" && look(), EVERY_MS);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
look();
