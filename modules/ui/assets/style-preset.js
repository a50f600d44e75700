// <taffy-style-preset>: what the chosen preset adds to the prompt, and the strength that suits it.

import { element } from "./elements.js";
import { formOf, overwrite, watchForm } from "./form.js";
import { TAB } from "./style-source.js";

class Preset extends HTMLElement {
  async connectedCallback() {
    this.words = element("p");
    this.fit = element("button", { type: "button" });
    this.replaceChildren(this.words, element("div", { className: "taffy-source-bar" }, this.fit));
    this.hidden = true;
    const answer = await fetch("/styles/presets").catch(() => null); // the stream says when the server is away
    this.presets = answer?.ok ? await answer.json() : [];
    this.end = watchForm(() => this.draw());
  }

  disconnectedCallback() {
    this.end?.();
  }

  draw() {
    const { style_preset: name, style_mode: mode, strength } = formOf(TAB);
    const preset = this.presets.find((one) => one.name === name);
    this.hidden = !preset || mode === "colour";
    if (this.hidden) return;
    this.words.textContent = preset.prompt.replace("{prompt}", "…");
    this.fit.textContent = `Strength ${preset.strength} suits it`;
    this.fit.hidden = mode !== "words" || strength === preset.strength;
    this.fit.onclick = () => overwrite("the preset's strength", { strength: preset.strength });
  }
}

customElements.define("taffy-style-preset", Preset);
