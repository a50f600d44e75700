// What Taffy holds in memory and how it computes: opened from the header. Unload gives the memory of all weights back.

import { bytes, element } from "./elements.js";
import { view } from "./view.js";

const GIGABYTE = 1e9;
const size = (bytes) => `${(bytes / GIGABYTE).toFixed(1)} GB`;
const listed = (names) => names.join(", ") || "none";

function facts(engine, held) {
  return [
    ["Held", held],
    ["Checkpoint in use", engine.loaded || "none"],
    ["Waiting in memory", `${listed(engine.waiting)}; room for ${size(engine.ram_budget)}`],
    ["Device", `${engine.device}, ${engine.precision}`],
    ["Weights", engine.placement ? `${engine.placement}: ${engine.why_placement}` : ""],
    ["Prepared copies", engine.prepared_budget ? `${size(engine.prepared)} of ${size(engine.prepared_budget)} on disk` : ""],
    ["Attention", `${engine.attention}: ${engine.why_attention}`],
  ].filter(([, fact]) => fact);
}

/** What became of the wish to unload. */
export function outcome({ unloaded }) {
  return unloaded ? "Done. The next job loads what it needs." : "A job runs: memory is given back as soon as it has ended.";
}

async function unload(button, said) {
  button.disabled = true;
  said.textContent = "Giving memory back, as soon as the running job has ended …";
  const answer = await fetch("/memory/unload", { method: "POST" }).catch(() => null);
  const told = await answer?.json().catch(() => null);
  button.disabled = false;
  said.textContent = answer?.ok ? outcome(told) : (told?.error ?? "The server did not answer.");
}

/** memory: {used, total} in bytes. */
export function openMemory(memory) {
  const engine = view.state?.engine;
  if (!engine || document.querySelector("dialog[open]")) return;
  const rows = facts(engine, bytes(memory.used, memory.total)).map(([name, fact]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, fact)),
  );
  const said = element("p", { className: "taffy-hint", role: "status" });
  const free = element("button", { type: "button", onclick: () => unload(free, said) }, "Unload");
  const close = element("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const title = element("h2", { id: "taffy-memory-title" }, "Memory");
  const dialog = element("dialog", { className: "taffy-keys" }, title, element("dl", {}, ...rows), said, free, " ", close);
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
}
