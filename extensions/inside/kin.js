// Pictures whose way was left for the one that is shown, and those that left its way.

import { element } from "/taffy/elements.js";
import { read } from "/taffy/source-upload.js";
import { offered } from "./choice.js";

/** Rows of small pictures; none where there are none. */
export async function kinOf(id, open) {
  const { ancestors, children } = await read(`/pictures/${encodeURIComponent(id)}/history`).catch(() => ({ ancestors: [], children: [] }));
  return [...row("Its way was left from", ancestors, open), ...row("Other ways from here", children, open)];
}

function row(title, kin, open) {
  if (!kin.length) return [];
  const items = kin.map((one) => offered({ ...one, prompt: one.origin }, open));
  return [element("h3", {}, title), element("ul", { className: "inside-choice" }, ...items)];
}
