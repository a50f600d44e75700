// The settings: each with its value, where that came from and what it does. Saved when a field is left.

import { element } from "./elements.js";

const INPUTS = { switch: "checkbox", number: "number", text: "text" };
const words = (value) => (value === "" ? "none" : value === true ? "on" : value === false ? "off" : [value].flat().join(", ") || "none");
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

class Settings extends HTMLElement {
  async connectedCallback() {
    this.replaceChildren(element("p", { className: "taffy-hint" }, "Reading the settings …"));
    this.asked = 0; // how often something was saved
    this.show(await fetch("/settings"));
  }

  /** Save {name: value, or null for the default}, then draw what the server made of it, unless more was saved since. */
  async save(changes, focus) {
    const headers = { "Content-Type": "application/json" };
    const number = ++this.asked;
    const answer = await fetch("/settings", { method: "POST", headers, body: JSON.stringify(changes) });
    if (number === this.asked || !answer.ok) this.show(answer, focus);
  }

  async show(answer, focus) {
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      this.say(told.error ?? "The server did not answer.", told.advice ?? "");
      return;
    }
    const here = this.contains(document.activeElement) ? document.activeElement : {};
    const rows = Map.groupBy(told.settings, ({ group }) => group);
    const groups = [...rows].map(([name, list]) => element("section", { className: "taffy-group" }, element("h3", {}, name), ...list.map((one) => this.row(one))));
    this.said = element("p", { className: "taffy-outcome", role: "status" });
    this.replaceChildren(this.head(told), this.said, ...groups);
    this.take(here.name || focus, here.name && here.name !== focus ? here : null);
    if (focus !== undefined) this.say("Saved.");
  }

  /** The focus goes back to a field, and so does what somebody has begun to write in it. */
  take(name, written) {
    const field = name && this.querySelector(`[name=${name}]`);
    if (field && written) Object.assign(field, written.type === "checkbox" ? { checked: written.checked } : { value: written.value });
    field?.focus?.();
  }

  head({ file, about: sentence, settings }) {
    const changed = settings.filter((one) => !one.fixed && !same(one.next, one.default));
    const all = () => this.save(Object.fromEntries(changed.map(({ name }) => [name, null])), "");
    const button = element("button", { type: "button", onclick: all, disabled: !changed.length, hidden: !settings.length }, "Reset all");
    const parts = sentence ? [sentence] : ["Flags win over variables, those over this file: ", element("code", {}, file)];
    const about = element("p", { className: "taffy-hint" }, ...parts);
    return element("div", { className: "taffy-settings-head" }, element("h2", {}, "Settings"), button, about);
  }

  row(one) {
    const field = this.field(one);
    const label = element("label", { htmlFor: field.id }, one.label);
    const reset = element("button", { type: "button", onclick: () => this.save({ [one.name]: null }, one.name) }, "Reset");
    reset.ariaLabel = `Reset ${one.label}`;
    reset.disabled = Boolean(one.fixed) || same(one.next, one.default);
    const source = element("p", { className: "taffy-hint", id: `${field.id}-source` }, `From: ${one.source}. `, this.news(one));
    const what = element("p", { id: `${field.id}-what` }, `${one.what[0].toUpperCase()}${one.what.slice(1)}.`);
    field.setAttribute("aria-describedby", `${what.id} ${source.id}`);
    const made = element("p", { className: "taffy-hint", hidden: !one.in_use }, `In use: ${one.in_use}.`);
    return element("div", { className: "taffy-setting" }, label, field, reset, what, source, made);
  }

  /** What else there is to know: who wins, or what waits for a restart. */
  news(one) {
    if (one.fixed) return one.fixed;
    if (!same(one.value, one.next)) return element("strong", {}, `After a restart: ${words(one.next)}.`);
    return one.at_once ? "Changes count at once." : "Changes count after a restart.";
  }

  field(one) {
    const id = `setting-${one.name}`;
    const common = { id, name: one.name, disabled: Boolean(one.fixed), title: `Allowed: ${one.allowed}` };
    const save = (value) => same(value, one.next) || this.save({ [one.name]: value === "" ? null : value }, one.name);
    if (one.kind === "choice") {
      const options = one.choices.map((name) => element("option", { value: name, selected: name === one.next }, name || "(automatic)"));
      return element("select", { ...common, onchange: ({ target }) => save(target.value) }, ...options);
    }
    if (one.kind === "folders") {
      const lines = ({ target }) => save(target.value.split("\n").map((line) => line.trim()).filter(Boolean));
      return element("textarea", { ...common, rows: 2, value: one.next.join("\n"), onchange: lines });
    }
    const value = ({ target }) => (one.kind === "switch" ? target.checked : target.value);
    const number = one.kind === "number";
    const change = (event) => save(number && /^\d+$/.test(value(event)) ? Number(value(event)) : value(event));
    const shown = one.kind === "switch" ? { checked: one.next } : { value: one.next };
    return element("input", { ...common, type: INPUTS[one.kind], ...shown, onchange: change });
  }

  say(...sentences) {
    if (!this.said) this.replaceChildren((this.said = element("p", { role: "status" })));
    this.said.replaceChildren(sentences.filter(Boolean).join(" "));
  }
}

customElements.define("taffy-settings", Settings);
