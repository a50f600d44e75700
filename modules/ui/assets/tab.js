// The browser's tab while something else is looked at: how far it is in the title, a ring that closes as the icon.

import { element } from "./elements.js";
import { share } from "./status.js";
import { view, watch } from "./view.js";

const NAME = "Taffy";
const PARTS = 20; // the ring grows by so many pieces: more is not seen at 16 pixels

/** "12/20 · Taffy", over all pictures of the job */
function title(job) {
  return job ? `${(job.picture - 1) * job.steps + job.step}/${job.count * job.steps} · ${NAME}` : NAME;
}

function ring(parts) {
  const circle = (colour, dashes) =>
    `<circle cx="16" cy="16" r="12" fill="none" stroke="${colour}" stroke-width="7" pathLength="${PARTS}" ${dashes}/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g transform="rotate(-90 16 16)">${circle(
    "#9a9a9a",
    "",
  )}${circle("#0d9488", `stroke-dasharray="${parts} ${PARTS}"`)}</g></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

const icons = () => [...document.querySelectorAll("link[rel~=icon]")];
const atRest = "/taffy/icon.svg";

function drawIcon(href) {
  if (icons().some((icon) => icon.getAttribute("href") === href)) return;
  for (const icon of icons()) icon.remove();
  document.head.append(element("link", { rel: "icon", type: "image/svg+xml", href }));
}

watch(() => {
  const job = view.connected === false ? null : view.state?.running;
  const words = title(job);
  if (document.title !== words) document.title = words;
  drawIcon(job ? ring(Math.round(share(job) * PARTS)) : atRest);
});
