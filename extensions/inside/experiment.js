// The starter's experiment as a person reads it: pairs it never saw, the nearest training pictures, copies.

import { element } from "/taffy/elements.js";

const PAPERS = [
  ["seen plain", "concept", "things, in pictures like those it was shown"],
  ["held-out thing and hand", "concept", "things, drawn by a hand it never saw them drawn by"],
  ["held-out thing and treatment", "concept", "things, in a treatment it never saw them in"],
  ["held-out thing and treatment", "treatment", "that treatment itself"],
  ["held-out treatment and background", "treatment", "treatments, on a ground it never saw them on"],
];

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** The answer of `GET experiment` as elements. */
export function experiment({ papers, copies }) {
  const rows = PAPERS.map(([paper, question, words]) => row(words, papers[paper][question]));
  const head = element("tr", {}, ...["Another network, the judge, recognises", "of all", "95 % interval", "a guess would reach"].map((words) => element("th", { scope: "col" }, words)));
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  const judge = "The judge was trained on real drawings only and never saw the starter. It may be wrong too, and it names more than a person would.";
  const copied = `Is it copied? ${copies.n.toLocaleString("en")} pictures were compared with all its training pictures. ${copies.right} of them (95 %: ${percent(copies.low)} to ${percent(copies.high)}) lie nearer to one than 99 % of real drawings do that it never saw. Below are the twelve that lie nearest, each above its nearest training picture.`;
  const limits = "What this shows: it can put together what it never saw together. What it does not show: that it invents from nothing. Its shapes are those of the drawings it learnt from, and for checkpoints whose training pictures are not known nobody can make this comparison.";
  const nearest = element("img", { src: "/help/pictures/starter-nearest.webp", alt: "Twelve made pictures, each above the training picture that is nearest to it: alike in kind, none the same", loading: "lazy" });
  return [element("div", { className: "inside-table", tabIndex: 0, role: "region", ariaLabel: "Figures" }, table), element("p", {}, judge), element("p", {}, copied), nearest, element("p", {}, limits)];
}

function row(words, { share, low, high, chance }) {
  const cells = [percent(share), `${percent(low)} to ${percent(high)}`, percent(chance)].map((text) => element("td", {}, text));
  return element("tr", {}, element("th", { scope: "row" }, words), ...cells);
}
