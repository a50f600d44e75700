// <taffy-models>: everything in the models folders, with what can be done with it; how new models come.

import { element } from "./elements.js";
import { FAMILIES, ModelCard } from "./models-card.js";
import { collectionList, downloadForm, endOf, transferList } from "./models-get.js";

const KINDS = { checkpoint: "Checkpoints", lora: "LoRAs", embedding: "Embeddings", vae: "VAEs", upscaler: "Upscalers" };
const EVERY_MS = 700; // while something is downloaded or converted
const EMPTY = {
  checkpoint: "None yet. Three ways to get one: drop a .safetensors file into {folder}/Stable-diffusion, download one below, or use another program's folder.",
};

class Models extends HTMLElement {
  connectedCallback() {
    this.className = "taffy-models-page";
    this.told = { items: [], transfers: [], owner: false };
    this.found = [];
    this.looked = false;
    this.said = element("p", { className: "taffy-outcome", role: "status" });
    this.search = element("input", { type: "search", placeholder: "Search", ariaLabel: "Search models", oninput: () => this.drawList() });
    const all = [["", "All"], ...Object.entries(KINDS), ["broken", "Cannot be used"]];
    this.kind = element("select", { ariaLabel: "Kind of model", onchange: () => this.drawList() }, ...all.map(([value, label]) => element("option", { value }, label)));
    const refresh = element("button", { type: "button", onclick: () => this.look("The list is fresh.") }, "Refresh");
    const bar = element("div", { className: "taffy-models-bar" }, this.search, this.kind, refresh);
    this.others = element("div");
    this.transfers = element("div");
    this.list = element("div");
    this.get = downloadForm((...question) => this.ask(...question));
    this.replaceChildren(element("h2", {}, "Models"), bar, this.said, this.others, this.transfers, this.get, this.list);
    new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && this.look()).observe(this);
  }

  disconnectedCallback() {
    clearTimeout(this.clock);
  }

  say(text) {
    this.said.textContent = text;
  }

  /** Read the list anew. */
  async look(say) {
    const [models, others] = await Promise.all([this.read("/models"), this.read("/models/collections")]);
    if (!models) return;
    const ended = this.looked ? endOf(models.transfers, this.told.transfers) : "";
    this.looked = true;
    this.told = models;
    this.found = others ?? [];
    if (ended || say) this.say(ended || say);
    this.draw();
  }

  async read(path) {
    const answer = await fetch(path).catch(() => null); // the stream says when the server is away
    return answer?.ok ? answer.json() : null;
  }

  /** Ask the server to do something; its answer, or null after the person was told why not. */
  async ask(path, values, say = "") {
    this.say("…");
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`/models/${path}`, { method: "POST", headers, body: JSON.stringify(values) }).catch(() => null);
    const told = (await answer?.json().catch(() => null)) ?? { error: "The server did not answer", advice: "" };
    if (!answer?.ok) {
      this.say(`${told.error}. ${told.advice}`);
      return null;
    }
    if (say) await this.look(say);
    else this.say("");
    return told;
  }

  draw() {
    const { owner, transfers } = this.told;
    this.get.hidden = !owner;
    this.others.replaceChildren(...(owner && this.found.length ? [collectionList(this.found, (folder) => this.use(folder))] : []));
    this.transfers.replaceChildren(...(transfers.length ? [transferList(transfers, (id) => this.ask(`transfers/${id}/stop`, {}, "It is being stopped."))] : []));
    this.drawList();
    clearTimeout(this.clock);
    if (transfers.some(({ state }) => state === "running")) this.clock = setTimeout(() => this.follow(), EVERY_MS);
  }

  /** While something runs: the list itself is drawn anew when one has ended, so that nothing moves under the pointer. */
  async follow() {
    const transfers = (await this.read("/models/transfers")) ?? this.told.transfers; // a missing answer is asked for again
    const running = (some) => some.filter(({ state }) => state === "running").length;
    if (running(transfers) !== running(this.told.transfers)) return this.look();
    this.told.transfers = transfers;
    this.transfers.replaceChildren(transferList(transfers, (id) => this.ask(`transfers/${id}/stop`, {}, "It is being stopped.")));
    clearTimeout(this.clock);
    this.clock = setTimeout(() => this.follow(), EVERY_MS);
  }

  /** Add a folder to the settings. */
  async use(folder) {
    const own = this.told.folders.slice(1);
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("/settings", { method: "POST", headers, body: JSON.stringify({ models_dir: [...own, folder] }) });
    const told = await answer.json();
    if (answer.ok) await this.look(`${folder} is used in place: nothing was copied. The settings have the list of folders.`);
    else this.say(`${told.error}. ${told.advice}`);
  }

  drawList() {
    const wanted = this.search.value.trim().toLowerCase();
    const fits = ({ name, family, hash, notes, words, kind, problem }) =>
      (!this.kind.value || this.kind.value === (this.kind.value === "broken" ? problem && "broken" : kind)) &&
      [name, family, FAMILIES[family], hash, notes, words].join(" ").toLowerCase().includes(wanted);
    const items = this.told.items.filter(fits);
    const sections = Object.entries(KINDS).map(([kind, title]) => this.section(kind, title, items.filter((item) => item.kind === kind)));
    this.list.replaceChildren(...sections.filter(Boolean));
    if (!items.length && wanted) this.list.append(element("p", { className: "taffy-hint" }, `Nothing is called “${this.search.value}”.`));
  }

  section(kind, title, items) {
    const tools = {
      act: (...question) => this.ask(...question),
      say: (text) => this.say(text),
      look: (text) => this.look(text),
      owner: this.told.owner,
    };
    if (!items.length && (this.search.value || this.kind.value || !EMPTY[kind])) return null;
    const cards = items.sort((one, other) => Boolean(one.problem) - Boolean(other.problem)).map((item) => new ModelCard(item, tools).element);
    const empty = element("p", { className: "taffy-hint" }, (EMPTY[kind] ?? "").replace("{folder}", this.told.folder));
    const heading = element("h3", {}, title, items.length ? element("span", { className: "taffy-hint" }, ` ${items.length}`) : "");
    return element("section", { ariaLabel: title }, heading, items.length ? element("div", { className: "taffy-model-grid" }, ...cards) : empty);
  }
}

customElements.define("taffy-models", Models);
