// The form of another way: what may change after the step that is shown.

import { element } from "/taffy/elements.js";

export class Branching {
  id = "way";
  label = "Another way";

  /** go(changes): ask for it; throws with a sentence. */
  constructor(go) {
    this.go = go;
    this.prompt = element("textarea", { rows: 3, id: "inside-prompt" });
    this.negative = element("textarea", { rows: 1, id: "inside-negative" });
    this.cfg = element("input", { type: "number", min: 0, max: 100, step: "any", id: "inside-cfg" });
    this.sampler = element("select", { id: "inside-sampler" });
    this.noise = element("input", { type: "number", min: 0, max: Number.MAX_SAFE_INTEGER, step: 1, id: "inside-noise", placeholder: "as it was" });
    this.button = element("button", { type: "button", className: "taffy-go", onclick: () => this.pressed() });
    this.problem = element("p", { className: "taffy-problem", role: "alert" });
    this.title = element("h3");
    const hint = "Everything up to here stays as it was, to the last bit. Change what you like for the rest.";
    this.fields = element(
      "div",
      { className: "taffy-fields inside-fields" },
      field("Prompt", this.prompt),
      field("Negative prompt", this.negative),
      field("CFG scale", this.cfg, "How closely the rest follows the words."),
      field("Sampler", this.sampler),
      field("Seed of the remaining noise", this.noise, "Counts for samplers that add noise on the way, such as Euler a."),
      this.problem,
      this.button,
    );
    this.root = element("section", { className: "inside-branch", ariaLabel: "Another way" }, this.title, element("p", {}, hint), this.fields);
  }

  /** Begin with what the picture was made with. */
  know(known) {
    this.known = known;
    this.prompt.value = known.prompt;
    this.negative.value = known.negative_prompt;
    this.cfg.value = known.cfg_scale;
    this.noise.value = "";
    this.sampler.replaceChildren(...known.samplers.map((name) => element("option", { value: name }, name)));
    this.sampler.value = known.sampler_after.at(-1);
    this.fields.inert = Boolean(known.why_not);
    this.problem.textContent = known.why_not;
  }

  at(step) {
    const last = step >= this.known.sigmas.length;
    this.title.textContent = last ? "Another way" : `Another way after step ${step}`;
    this.button.textContent = last ? "Go back to an earlier step first" : `Go another way after step ${step}`;
    this.button.disabled = last;
  }

  /** What differs from the picture; a field that was left alone is not sent. */
  changes() {
    const { prompt, negative_prompt, cfg_scale, sampler_after } = this.known;
    const changes = {};
    if (this.prompt.value !== prompt) changes.prompt = this.prompt.value;
    if (this.negative.value !== negative_prompt) changes.negative_prompt = this.negative.value;
    if (this.cfg.value !== "" && this.cfg.valueAsNumber !== cfg_scale) changes.cfg_scale = this.cfg.valueAsNumber;
    if (this.sampler.value !== sampler_after.at(-1)) changes.sampler = this.sampler.value;
    if (this.noise.value !== "") changes.noise_seed = this.noise.valueAsNumber;
    return changes;
  }

  async pressed() {
    const wrong = [this.cfg, this.noise].find((control) => !control.checkValidity());
    this.problem.textContent = wrong ? `${wrong.labels[0].textContent}: ${wrong.validationMessage}` : "";
    if (wrong) return;
    this.button.disabled = true;
    try {
      await this.go(this.changes());
    } catch (error) {
      this.problem.textContent = error.message;
    } finally {
      this.button.disabled = false;
    }
  }
}

function field(label, control, info = "") {
  const hint = element("small", { id: `${control.id}-hint` }, info);
  if (info) control.setAttribute("aria-describedby", hint.id);
  return element("div", {}, element("label", { htmlFor: control.id }, label), control, hint);
}
