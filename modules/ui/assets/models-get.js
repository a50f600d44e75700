// The part of the Models page that brings new models: downloads by id, conversions, other programs' folders.

import { bytes, bytesOf, element } from "./elements.js";

const KINDS = { checkpoint: "Checkpoint", lora: "LoRA", embedding: "Embedding", vae: "VAE", upscaler: "Upscaler" };
const SEVERAL = { checkpoint: "checkpoints", lora: "LoRAs", embedding: "embeddings", vae: "VAEs", upscaler: "upscalers" };

/** How far a download or conversion is, or how it ended. */
function stateOf({ done, total, state, result, error, advice }) {
  const words = { running: total ? bytes(done, total) : "asking …", done: `is here: ${result}`, stopped: "was stopped" };
  return state === "failed" ? `failed: ${error}. ${advice}` : words[state];
}

/** What became of those that have ended since somebody looked: a sentence, or nothing. */
export function endOf(transfers, before) {
  const known = new Set(before.filter(({ state }) => state !== "running").map(({ id }) => id));
  const ended = transfers.filter(({ id, state }) => state !== "running" && !known.has(id));
  return ended.map((one) => `${one.title} ${stateOf(one)}`).join(" ");
}

/** Downloads and conversions, running and ended: a list. stop(id) */
export function transferList(transfers, stop) {
  const row = (transfer) => {
    const { id, kind, title, done, total, state } = transfer;
    const line = element("li", { className: state }, element("b", {}, title), " ", element("span", {}, stateOf(transfer)));
    if (state !== "running") return line;
    line.append(element("progress", { max: 1, value: total ? done / total : 0, ariaLabel: `${kind} of ${title}` }));
    line.append(element("button", { type: "button", ariaLabel: `Stop ${title}`, onclick: () => stop(id) }, "Stop"));
    return line;
  };
  return element("ul", { className: "taffy-transfers", ariaLabel: "Downloads and conversions" }, ...transfers.map(row));
}

/** Models of other programs that were found on this computer. use(folder) */
export function collectionList(found, use) {
  const row = ({ program, folder, counts }) => {
    const there = Object.entries(counts).map(([kind, count]) => `${count} ${count === 1 ? KINDS[kind].toLowerCase() : SEVERAL[kind]}`);
    const onclick = () => use(folder);
    const button = element("button", { type: "button", ariaLabel: `Use ${folder} in place`, onclick }, "Use in place");
    return element("li", {}, element("span", {}, `${program}: ${there.join(", ")} in `, element("code", {}, folder)), " ", button);
  };
  const title = element("h3", {}, "Found on this computer");
  return element("section", { className: "taffy-found" }, title, element("ul", {}, ...found.map(row)));
}

/** The form for downloads. ask(path, values): the server's answer, or null after it told why not. */
export function downloadForm(ask) {
  const id = element("input", { type: "text", placeholder: "owner/name", spellcheck: false, ariaLabel: "Id of a model on the hub" });
  const offers = element("div", { className: "taffy-offers" });
  const look = async () => {
    offers.replaceChildren(element("p", { className: "taffy-hint" }, "Asking the hub …"));
    const model = await ask("hub", { id: id.value });
    offers.replaceChildren(...(model ? choices(model, ask, id.value) : []));
  };
  id.onkeydown = (event) => event.key === "Enter" && look();
  const button = element("button", { type: "button", onclick: look }, "Look");
  const hint = "Taffy asks the network only when you press a button here. Files are checked against the hub's checksum; a download that broke off goes on where it stopped.";
  const summary = element("summary", {}, "Download from the hub");
  return element("details", { className: "taffy-download" }, summary, element("p", { className: "taffy-hint" }, hint), element("div", { className: "taffy-download-row" }, id, button), offers);
}

function choices({ repo, kind, offers }, ask, id) {
  const option = ({ name, size, files }) => element("option", { value: name }, `${name} (${files.length > 1 ? "whole folder, " : ""}${bytesOf(size)})`);
  const what = element("select", { ariaLabel: "What to download" }, ...offers.map(option));
  const kinds = Object.entries(KINDS).map(([value, label]) => element("option", { value, selected: value === kind }, label));
  const where = element("select", { ariaLabel: "What it is" }, ...kinds);
  const start = () => ask("downloads", { id, offer: what.value, kind: where.value }, `${repo} is being downloaded.`);
  return [element("div", { className: "taffy-download-row" }, what, where, element("button", { type: "button", onclick: start }, "Download"))];
}
