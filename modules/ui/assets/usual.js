// How many pictures the form asks for: as many as are usual where this checkpoint, at this size and with these steps, is
// as quick as it was measured. A number that somebody chose stays.

import { currentTab, form, watchForm, write } from "./form.js";
import { view, watch } from "./view.js";

const PAUSE_MS = 300;
const CHOSEN = "taffy-count-"; // and the tab: "chosen" once somebody did

let asked = "";
let pause = null;

const isChosen = () => localStorage.getItem(CHOSEN + currentTab()) === "chosen";

/** The count is somebody's choice from now on. */
const choose = () => localStorage.setItem(CHOSEN + currentTab(), "chosen");

async function ask(question, tab) {
  const answer = await fetch(`/pace?${question}`).catch(() => null); // the stream says when the server is away
  if (!answer?.ok || question !== asked.split(" ")[0] || isChosen() || tab !== currentTab()) return;
  const { count } = await answer.json();
  if (Number(form.values.count) !== count) write({ count });
}

function follow() {
  const { checkpoint, width, height, steps } = form.values;
  if (!checkpoint || isChosen()) return;
  const sizes = [width, height, steps].map(Number);
  if (!sizes.every((number) => Number.isInteger(number) && number > 0)) return;
  const question = new URLSearchParams({ checkpoint, width, height, steps }).toString();
  const wanted = `${question} ${view.state?.recent[0]?.id}`; // after each job there may be something measured
  if (wanted === asked) return;
  asked = wanted;
  clearTimeout(pause);
  const tab = currentTab();
  pause = setTimeout(() => ask(question, tab), PAUSE_MS);
}

document.addEventListener("input", ({ target, isTrusted }) => isTrusted && target.closest?.("[id=count], [id$=-count]") && choose());
watchForm(follow);
watch((kind) => kind === "state" && follow());
