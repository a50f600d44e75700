// One model on the Models page: what it is, what can be done with it, and what somebody wrote about it.

import { allCards } from "./cards.js";
import { defaultsOf, unchosen } from "./defaults.js";
import { bytesOf, element } from "./elements.js";
import { currentTab, newestOf, overwrite } from "./form.js";
import { outcome } from "./memory.js";
import { view } from "./view.js";

export const FAMILIES = { sd1: "SD 1.x", sd2: "SD 2.x", sdxl: "SDXL", diffusers_pipeline: "diffusers" };

const button = (label, onclick, properties = {}) => element("button", { type: "button", onclick, ...properties }, label);

const sentence = (text) => (text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "");

const promptOf = (tab) => newestOf(tab).prompt ?? "";

/** Put a checkpoint into the form seen last, with what it is best at. Returns what to say. */
function useCheckpoint({ name }) {
  const tab = currentTab();
  const card = allCards().find((one) => one.name === name);
  overwrite(`${name} and its defaults`, { checkpoint: name, ...(card ? unchosen(tab, defaultsOf(card), allCards()) : {}) });
  return `${name} is chosen in ${tab}.`;
}

/** Into the prompt, or out of it again. */
function toggle(found, text, what) {
  const tab = currentTab();
  const prompt = promptOf(tab);
  if (found) {
    const rest = prompt.replace(found, "").replace(/,\s*,/g, ",").replace(/^[\s,]+|[\s,]+$/g, "");
    overwrite(`${what} taken out`, { prompt: rest });
    return `${what} was taken out of the prompt of ${tab}.`;
  }
  overwrite(`${what} added`, { prompt: prompt.trim() ? `${prompt.trimEnd().replace(/,$/, "")}, ${text}` : text });
  return `${what} is in the prompt of ${tab}.`;
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const ACTS = {
  checkpoint: ["Use", useCheckpoint],
  vae: ["Use", ({ file }) => (overwrite(`the VAE ${file}`, { vae: file }), `${file} is chosen as VAE in ${currentTab()}.`)],
  lora: [
    "Add to prompt",
    ({ name, words }) => {
      const there = promptOf(currentTab()).match(new RegExp(`<lora:${escaped(name)}(:[^>]*)?>`, "i"))?.[0];
      return toggle(there, `${words ? `${words}, ` : ""}<lora:${name}:1>`, name);
    },
  ],
  embedding: ["Add to prompt", ({ name }) => toggle(null, name.split("/").at(-1), name)],
};

/** One model. act(path, values): asks the server and draws anew. say(text): tells the person. */
export class ModelCard {
  constructor(model, { act, say, look, owner }) {
    Object.assign(this, { model, act, say, look, owner });
    this.element = element("article", { className: "taffy-model", ariaLabel: model.name });
    if (model.problem) this.element.classList.add("broken");
    this.element.append(this.picture(), this.words(), this.buttons(), ...(model.problem ? [] : [this.details()]));
  }

  picture() {
    const { picture, name } = this.model;
    if (picture) return element("img", { src: picture, alt: "", loading: "lazy" });
    const letters = name.split("/").at(-1).slice(0, 2);
    return element("span", { className: "taffy-model-blank", ariaHidden: "true" }, letters);
  }

  words() {
    const { name, family, bytes, hash, problem, advice, file, folder, quick } = this.model;
    const facts = [FAMILIES[family] ?? family, bytesOf(bytes), hash].filter(Boolean).join(" · ");
    const title = `${folder}/${file}`;
    const lines = [element("h4", { title }, name), element("p", { className: "taffy-hint" }, facts)];
    if (quick) lines.push(element("p", { className: "taffy-hint" }, `${quick.kind}: ${quick.steps} steps, CFG ${quick.cfg}`));
    if (problem) lines.push(element("p", { className: "taffy-model-problem" }, `${problem}. `, sentence(advice)));
    return element("div", { className: "taffy-model-words" }, ...lines);
  }

  buttons() {
    const { model, owner } = this;
    const [label, use] = ACTS[model.kind] ?? [];
    const made = [];
    if (use && !model.problem) made.push(button(label, () => this.say(use(model)), { ariaLabel: `${label}: ${model.name}` }));
    if (model.kind === "checkpoint" && !model.problem && owner) {
      const loaded = model.name === view.state?.checkpoint;
      const load = () => this.act(`${model.id}/load`, {}, `${model.name} is loaded.`);
      const unload = () => this.unload();
      made.push(button(loaded ? "Unload" : "Load", loaded ? unload : load, { ariaLabel: `${loaded ? "Unload" : "Load"}: ${model.name}` }));
    }
    if (model.convertible && owner) {
      const title = "Its weights alone are copied into a .safetensors file by a process without network; nothing in it is run";
      const convert = () => this.act(`${model.id}/convert`, {}, `${model.file} is being converted.`);
      made.push(button("Convert safely", convert, { title, ariaLabel: `Convert safely: ${model.file}` }));
    }
    return element("div", { className: "taffy-model-buttons" }, ...made);
  }

  async unload() {
    const answer = await fetch("/memory/unload", { method: "POST" }).catch(() => null);
    if (answer?.ok) await this.look(outcome(await answer.json()));
    else this.say("The server did not answer.");
  }

  details() {
    const { model, owner } = this;
    const inside = element("div", {}, element("p", { className: "taffy-hint" }, `${model.folder}/${model.file}`));
    if (model.description) inside.append(element("p", {}, model.description));
    if (owner) {
      if (model.kind === "lora") inside.append(this.field("words", "Words that wake it", "input"));
      inside.append(this.field("notes", "Notes", "textarea"), this.more());
    } else if (model.notes) inside.append(element("p", {}, model.notes));
    return element("details", {}, element("summary", {}, "More"), inside);
  }

  field(name, label, tag) {
    const value = this.model[name];
    const save = ({ target }) => target.value !== value && this.act(`${this.model.id}/notes`, { [name]: target.value }, "Saved.");
    return element("label", {}, label, element(tag, { value, onchange: save, ...(tag === "textarea" ? { rows: 3 } : { type: "text" }) }));
  }

  more() {
    const { model } = this;
    const newest = () => {
      const { running, recent = [] } = view.state ?? {};
      const made = [running, ...recent].flatMap((job) => job?.pictures ?? [])[0];
      if (!made) return this.say("There is no picture yet.");
      return this.act(`${model.id}/picture`, { picture: made.id }, `The newest picture stands for ${model.name} now.`);
    };
    const made = [button("Newest picture as preview", newest)];
    const compute = () => this.act(`${model.id}/hash`, {}, "The hash is being computed; refresh to see it.");
    if (!model.hash && model.file.includes(".")) made.push(button("Compute hash", compute));
    return element("div", { className: "taffy-model-buttons" }, ...made);
  }
}
