// On a first start: models of other programs that are on this computer are offered, once, until somebody says no.

import { allCards, watchCards } from "./cards.js";
import { element } from "./elements.js";
import { view, watch } from "./view.js";

const KEY = "taffy-found"; // "no" once somebody closed it
let asked = false;

/** Nothing was ever made here, and there is no other checkpoint than the one that comes with Taffy. */
const isFirst = () => view.state && !view.state.recent.some(({ pictures }) => pictures.length) && allCards().length === 1;

async function ask() {
  asked = true;
  const answer = await fetch("/models/collections").catch(() => null);
  const found = answer?.ok ? (await answer.json()).filter(({ counts }) => counts.checkpoint) : [];
  for (const hint of found.length ? document.querySelectorAll("taffy-found-hint") : []) hint.draw(found);
}

const look = () => !asked && localStorage.getItem(KEY) !== "no" && isFirst() && ask();
watch(look);
watchCards(look); // which of the two comes first is anybody's guess

class FoundHint extends HTMLElement {
  draw(found) {
    const programs = found.map(({ program, counts }) => `${program} (${counts.checkpoint})`).join(", ");
    const show = () => document.querySelector("#taffy-open-models").click();
    const close = () => {
      localStorage.setItem(KEY, "no");
      for (const hint of document.querySelectorAll("taffy-found-hint")) hint.replaceChildren();
    };
    const words = `There are checkpoints on this computer: ${programs}. They can be used where they are. `;
    const look = element("button", { type: "button", onclick: show }, "Show them");
    const no = element("button", { type: "button", onclick: close }, "No, thanks");
    this.replaceChildren(element("p", { role: "status" }, words, look, " ", no));
  }
}

customElements.define("taffy-found-hint", FoundHint);
