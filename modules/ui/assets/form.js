// The form's values, and the one way to overwrite them, which can be undone. Gradio keeps the controls; this file knows
// their names only.

const HISTORY = "taffy-undo";
const MOST = 20; // overwrites that can be undone

const listeners = new Set();
let expected = ""; // the checkpoint after our own writing; any other change of it is somebody's choice

/** All values by name, as Gradio told last; empty until the form is filled. */
export const form = { values: {} };

/** Call `listener()` now and at every change of a value or of what can be undone; returns what ends it. */
export function watchForm(listener) {
  listeners.add(listener);
  listener();
  return () => listeners.delete(listener);
}

const tell = () => listeners.forEach((listener) => listener());

/** What can be undone, the newest last: [{what, values}] */
export const overwrites = () => JSON.parse(sessionStorage.getItem(HISTORY) ?? "[]");

/** Note the form as it is, before it is overwritten by `what`. */
export function remember(what, values = form.values) {
  sessionStorage.setItem(HISTORY, JSON.stringify([...overwrites(), { what, values }].slice(-MOST)));
  tell();
}

/** Set some values by name; names the form does not have are left out. */
function write(values) {
  expected = values.checkpoint ?? expected;
  window.taffyWanted = values;
  document.querySelector("#taffy-write").click();
}

/** Set values by name; `what` says on the Undo button what changed them. */
export function overwrite(what, values) {
  remember(what);
  write(values);
}

export function undo() {
  const history = overwrites();
  const last = history.pop();
  if (!last) return;
  sessionStorage.setItem(HISTORY, JSON.stringify(history));
  write(last.values);
  tell();
}

function follow(values) {
  const before = form.values;
  form.values = values;
  if (before.checkpoint && values.checkpoint !== before.checkpoint && values.checkpoint !== expected) {
    remember(`${values.checkpoint} and its defaults`, before);
  }
  expected = values.checkpoint;
  tell();
}

document.addEventListener("taffy-form", ({ detail }) => follow(detail));
if (window.taffyForm) follow(window.taffyForm);

/** "Reuse these parameters": a request's fields, extensions' values under `extras`. */
document.addEventListener("taffy-reuse", ({ detail: { extras, ...fields } }) => {
  overwrite("the parameters of a picture", { ...fields, ...extras });
});

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

export const promptBox = () => document.querySelector("#prompt textarea");

/** Type into a text field as a person would: the browser's own undo takes it back. */
export function type(box, from, to, text) {
  box.focus();
  box.setSelectionRange(from, to);
  document.execCommand("insertText", false, text); // the only way to edit that keeps the history of the field
}
