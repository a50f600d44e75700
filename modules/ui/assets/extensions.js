// The Extensions page: what there is, what became of it, switches, settings, installing with consent.

import { element } from "./elements.js";
import { post, read } from "./source-upload.js";

const STATES = { on: "On", off: "Off", unusable: "Cannot be used" };

class Extensions extends HTMLElement {
  connectedCallback() {
    this.said = element("p", { className: "taffy-outcome", role: "status" });
    this.list = element("div", { className: "taffy-extensions" });
    const again = element("button", { type: "button", onclick: () => this.ask(() => post("/extensions/renew", {})) }, "Look again");
    const about = element("p", { className: "taffy-hint" }, "A broken extension is named here and skipped; the rest of Taffy works on.");
    const head = element("div", { className: "taffy-settings-head" }, element("h2", {}, "Extensions"), again, about);
    this.replaceChildren(head, this.said, this.list, this.installer());
    new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.ask(() => read("/extensions"), "")).observe(this);
  }

  async ask(act, done = "Done.") {
    try {
      this.draw(await act());
      this.said.textContent = done;
    } catch (error) {
      this.said.textContent = error.message;
      if (this.known) this.draw(this.known); // a switch that was refused goes back
    }
  }

  draw(known) {
    this.known = known;
    const { extensions, safe_mode, consent } = known;
    this.consent.textContent = consent;
    const note = safe_mode ? [element("p", { role: "status" }, "Taffy was started with --safe-mode: no extension is in use.")] : [];
    const none = extensions.length ? [] : [element("p", {}, "There are none yet.")];
    this.list.replaceChildren(...note, ...none, ...extensions.map((one) => this.card(one, safe_mode)));
  }

  card(one, safeMode) {
    const box = element("input", { type: "checkbox", role: "switch", checked: one.state === "on", id: `extension-${one.name}` });
    box.disabled = one.state === "unusable" || safeMode;
    box.onchange = () => this.ask(() => post(`/extensions/${one.name}/switch`, { on: box.checked }), "Tabs and controls follow when the page is reloaded.");
    const label = element("label", { htmlFor: box.id }, `${one.name} ${one.version}`);
    const state = one.state === "on" && one.faults.length ? "On, with faults" : STATES[one.state];
    const head = element("h3", {}, box, label, element("span", { className: "taffy-hint" }, state));
    const parts = [head, element("p", {}, one.description)];
    if (one.problem) parts.push(element("p", { className: "taffy-problem" }, [one.problem, one.advice].filter(Boolean).join("; ")));
    if (one.missing.length) parts.push(this.requirements(one));
    if (one.why_off && !one.faults.some(({ message }) => message === one.why_off)) parts.push(element("p", { className: "taffy-problem" }, one.why_off));
    for (const { message, traceback } of one.faults) {
      const details = element("details", {}, element("summary", {}, message), element("pre", { tabIndex: 0 }, traceback));
      parts.push(details);
    }
    parts.push(...one.settings.map((setting) => this.setting(one.name, setting)));
    return element("section", { className: "taffy-group taffy-extension", ariaLabel: one.name }, ...parts);
  }

  setting(extension, one) {
    const id = `extension-${extension}-${one.name}`;
    const save = (value) => this.ask(() => post(`/extensions/${extension}/settings`, { [one.name]: value }), "Saved.");
    let field;
    if (one.kind === "choice") {
      const options = one.choices.map((name) => element("option", { value: name, selected: name === one.value }, name));
      field = element("select", { id, onchange: ({ target }) => save(target.value) }, ...options);
    } else if (one.kind === "checkbox") {
      field = element("input", { id, type: "checkbox", checked: one.value, onchange: ({ target }) => save(target.checked) });
    } else if (one.kind === "slider") {
      const { minimum: min, maximum: max, step } = one;
      field = element("input", { id, type: "number", min, max, step, value: one.value, onchange: ({ target }) => save(Number(target.value)) });
    } else {
      field = element("input", { id, type: "text", value: one.value ?? "", onchange: ({ target }) => save(target.value) });
    }
    return element("div", { className: "taffy-setting" }, element("label", { htmlFor: id }, one.label), field, element("p", {}, one.info));
  }

  requirements(one) {
    const lines = element("pre", { hidden: true, tabIndex: 0 });
    const start = async () => {
      if (!confirm(`${this.consent.textContent}\n\nInstall ${one.missing.join(", ")}?`)) return;
      lines.hidden = false;
      const answer = await fetch(`/extensions/${one.name}/requirements?consent=yes`, { method: "POST" });
      if (!answer.ok) {
        const told = await answer.json();
        lines.textContent = [told.error, told.advice].filter(Boolean).join("; ");
        return;
      }
      for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) lines.textContent += piece;
      const last = lines.textContent.trim().split("\n").at(-1); // "done", or why not
      this.ask(() => read("/extensions"), last === "done" ? "Installed. Tabs and controls follow when the page is reloaded." : last);
    };
    return element("div", {}, element("button", { type: "button", onclick: start }, "Install what it needs"), lines);
  }

  installer() {
    this.consent = element("p");
    const yes = element("input", { type: "checkbox", id: "extension-consent" });
    const folder = element("input", { type: "text", id: "extension-folder", placeholder: "/path/of/the/folder" });
    const zip = element("input", { type: "file", accept: ".zip,application/zip", id: "extension-zip" });
    const url = () => `/extensions/install?consent=${yes.checked ? "yes" : "no"}`;
    const install = () => {
      const headers = { "Content-Type": "application/zip" };
      const act = zip.files.length ? () => read(url(), { method: "POST", headers, body: zip.files[0] }) : () => post(url(), { folder: folder.value });
      this.ask(act, "Installed. Tabs and controls follow when the page is reloaded.");
    };
    return element(
      "section",
      { className: "taffy-group", ariaLabel: "Install an extension" },
      element("h3", {}, "Install an extension"),
      this.consent,
      element("div", { className: "taffy-setting" }, element("label", { htmlFor: folder.id }, "From a folder of this computer"), folder),
      element("div", { className: "taffy-setting" }, element("label", { htmlFor: zip.id }, "From a zip file"), zip),
      element("p", {}, yes, element("label", { htmlFor: yes.id }, " I have read this and trust who wrote it.")),
      element("button", { type: "button", onclick: install }, "Install"),
    );
  }
}

customElements.define("taffy-extensions", Extensions);
