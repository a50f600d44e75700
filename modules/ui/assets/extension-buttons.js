// What extensions add below a picture: buttons, and what they say of it.

import { element } from "./elements.js";
import { post, read } from "./source-upload.js";

let known; // asked for once: they follow when the page is reloaded

const buttons = () => (known ??= read("/extensions").then(({ buttons }) => buttons)).catch(() => []);

/** Their buttons, at the end of the row of `actions`. */
export async function addButtons(actions) {
  for (const one of await buttons()) {
    actions.row.append(actions.button(one.label, one.info, () => press(actions, one, { picture: actions.picture.id })));
  }
}

/** Those for a running job, at the end of `row`. job(): its id. said: an element for what they answer. */
export async function addRunningButtons(row, job, said) {
  const say = (words) => (said.textContent = words);
  for (const one of (await buttons()).filter(({ running }) => running)) {
    const onclick = () => press({ say, said }, one, { job: job() }).catch((error) => say(error.message));
    row.append(element("button", { type: "button", title: one.info, className: "taffy-beside", onclick }, one.label));
  }
}

async function press({ say, said }, { extension, name }, about) {
  const { text, link } = await post(`/extensions/${extension}/buttons/${name}`, about);
  say(text);
  if (link.startsWith("#")) location.hash = link; // a place on this page
  else if (link) said.append(" ", element("a", { href: link, target: "_blank", rel: "noopener" }, "Open"));
}

/** "label: text" of each column, as one line. */
export const columnWords = ({ columns = [] }) => columns.map(([label, text]) => `${label}: ${text}`).join(" · ");
