// The values of the form in sight, and the one way to overwrite them, which can be undone. Every tab that makes pictures
// has a form. Gradio keeps the controls; this file knows their names only.

const HISTORY = "taffy-undo";
const MOST = 20; // overwrites that can be undone
const PATIENCE_MS = 10_000; // for a tab that is built when it is first looked at
const SETTLED_MS = 10_000; // after that Gradio has told what it made of a value that was written
export const FRAME = "taffy-frame-"; // and the tab's name is the id of what holds its form

const listeners = new Set();
const forms = {}; // tab -> values by name
const written = {}; // tab -> name -> {value, before, until}: what was written here and is not told by Gradio yet
let seen = "txt2img"; // the tab whose form was in sight last

/** The tab whose form is in sight; the last one on tabs without. */
export function currentTab() {
  const frames = document.querySelectorAll(`[id^=${FRAME}]`);
  seen = [...frames].find((frame) => frame.offsetParent)?.id.slice(FRAME.length) ?? seen;
  return seen;
}

/** All values of the form in sight by name, as Gradio told last; empty until the form is filled. */
export const form = {
  get values() {
    return forms[currentTab()] ?? {};
  },
};
/** The same of a tab, in sight or not. */
export const formOf = (tab) => forms[tab] ?? {};

/** The same with what was written a moment ago: what is made of the values that are there begins with these. */
export function newestOf(tab) {
  const fresh = Object.entries(written[tab] ?? {}).filter(([, { until }]) => performance.now() < until);
  return { ...formOf(tab), ...Object.fromEntries(fresh.map(([name, { value }]) => [name, value])) };
}

Object.defineProperty(window, "taffyForm", { get: () => form.values }); // for consoles and tests

/** Call `listener()` now and at every change of a value or of what can be undone; returns what ends it. */
export function watchForm(listener) {
  listeners.add(listener);
  listener();
  return () => listeners.delete(listener);
}

const tell = () => listeners.forEach((listener) => listener());

const history = () => JSON.parse(sessionStorage.getItem(HISTORY) ?? "[]");

/** What can be undone in the form in sight, the newest last: [{tab, what, values}] */
export const overwrites = () => history().filter(({ tab }) => tab === currentTab());

function keepHistory(entries) {
  sessionStorage.setItem(HISTORY, JSON.stringify(entries));
  tell();
}

/** Note the form as it is, before it is overwritten by `what`. */
export function remember(what, values = newestOf(currentTab())) {
  keepHistory([...history(), { tab: currentTab(), what, values }].slice(-MOST));
}

/** Set some values by name, with nothing to undo; names the form does not have are left out. */
export function write(values, tab = currentTab()) {
  for (const [name, value] of Object.entries(values)) {
    if (name in formOf(tab)) (written[tab] ??= {})[name] = { value, before: formOf(tab)[name], until: performance.now() + SETTLED_MS };
  }
  const button = document.querySelector(`#taffy-write-${tab}`);
  const { [tab]: before, ...others } = window.taffyWanted ?? {};
  window.taffyWanted = { ...others, [tab]: { ...before, ...values } }; // what was written just now may not be taken yet
  button.click();
}

/** Set values by name; `what` says on the Undo button what changed them. */
export function overwrite(what, values) {
  remember(what);
  write(values);
}

export function undo() {
  const last = overwrites().at(-1);
  if (!last) return;
  const entries = history();
  entries.splice(entries.findLastIndex(({ tab }) => tab === last.tab), 1);
  write(last.values);
  keepHistory(entries);
}

function follow({ tab, form: values }) {
  const before = forms[tab];
  const ours = written[tab] ?? {};
  forms[tab] = values;
  if (before?.checkpoint && values.checkpoint !== before.checkpoint && values.checkpoint !== ours.checkpoint?.value) {
    remember(`${values.checkpoint} and its defaults`, before); // somebody chose it
  }
  for (const [name, { value, before: old }] of Object.entries(ours)) {
    if (same(values[name], value) || !same(values[name], old)) delete ours[name];
  }
  tell();
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

document.addEventListener("taffy-form", ({ detail }) => follow(detail));
for (const [tab, values] of Object.entries(window.taffyForms ?? {})) follow({ tab, form: values });

/** Bring a tab with a form into sight; resolves when the form has told its values. */
export async function openTab(tab) {
  if (currentTab() !== tab || !document.querySelector(`#${FRAME}${tab}`)?.offsetParent) {
    document.querySelector(`#taffy-open-${tab}`).click();
  }
  await new Promise((resolve) => {
    const end = watchForm(() => currentTab() === tab && forms[tab]?.checkpoint && resolve());
    setTimeout(() => end(), PATIENCE_MS);
  });
}

/** "Reuse these parameters": a request's fields, extensions' values under `extras`. A whole request goes to the tab of
its kind, some fields to the form in sight. How many to make is not what made a picture. */
document.addEventListener("taffy-reuse", async ({ detail: { extras, count, ...fields } }) => {
  if (fields.kind) fields.mask = ""; // the picture was made larger, nothing else is known of it
  if ("image" in fields) await openTab(tabOf(fields));
  overwrite("the parameters of a picture", { ...fields, ...extras });
});

function tabOf({ style_mode: style = "none", image }) {
  if (style !== "none") return "style";
  return image ? "img2img" : "txt2img";
}

const isText = (target) => target.closest?.("input, textarea, [contenteditable=true]");

document.addEventListener("keydown", (event) => {
  if (isText(event.target) || event.isComposing) return;
  if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && overwrites().length) {
    event.preventDefault();
    undo();
  } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && promptBox()?.offsetParent) {
    event.preventDefault();
    promptBox().focus();
  }
});

/** The prompt in sight. */
export const promptBox = () =>
  [...document.querySelectorAll(".taffy-prompt-box textarea")].find((box) => box.offsetParent) ?? null;

/** Type into a text field as a person would: the browser's own undo takes it back. */
export function type(box, from, to, text) {
  box.focus();
  box.setSelectionRange(from, to);
  document.execCommand("insertText", false, text); // the only way to edit that keeps the history of the field
}
