// What extensions add below a picture: buttons, and what they say of it.

import { element } from "./elements.js";
import { post, read } from "./source-upload.js";

let known; // asked for once: they follow when the page is reloaded

/** Their buttons, at the end of the row of `actions`. */
export async function addButtons(actions) {
  known ??= read("/extensions").then(({ buttons }) => buttons);
  for (const { extension, name, label, info } of await known.catch(() => [])) {
    actions.row.append(actions.button(label, info, () => press(actions, extension, name)));
  }
}

async function press(actions, extension, name) {
  const path = `/extensions/${extension}/buttons/${name}`;
  const { text, link } = await post(path, { picture: actions.picture.id });
  actions.say(text);
  if (link.startsWith("#")) location.hash = link; // a place on this page
  else if (link) actions.said.append(" ", element("a", { href: link, target: "_blank", rel: "noopener" }, "Open"));
}

/** "label: text" of each column, as one line. */
export const columnWords = ({ columns = [] }) => columns.map(([label, text]) => `${label}: ${text}`).join(" · ");
