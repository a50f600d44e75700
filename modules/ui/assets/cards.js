// What checkpoints there are. The list is asked for again while the page is looked at, so a new file just appears.

import { form } from "./form.js";

const EVERY_MS = 5000;

const listeners = new Set();
let newest = "";
let cards = [];

/** Call `listener()` whenever the list has changed; returns what ends it. */
export function watchCards(listener) {
  listeners.add(listener);
  listener();
  return () => listeners.delete(listener);
}

/** The card of the form's checkpoint, or null. */
export const currentCard = () => cards.find(({ name }) => name === form.values.checkpoint) ?? null;

async function look() {
  const answer = await fetch("/checkpoints").catch(() => null); // the stream says when the server is away
  if (!answer?.ok) return;
  const text = await answer.text();
  if (text === newest) return;
  const first = newest === "";
  newest = text;
  cards = JSON.parse(text).flatMap(({ card }) => (card ? [card] : []));
  if (!first) document.querySelector("#taffy-refresh")?.click(); // the server fills the list of the form anew
  for (const listener of listeners) listener();
}

setInterval(() => document.visibilityState === "visible" && look(), EVERY_MS);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
look();
