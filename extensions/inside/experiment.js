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
const ofHundred = (share) => `${Math.round(100 * share)} of 100`;

/** The answer of `GET experiment` as elements: what it means first, all figures for those who want them. */
export function experiment({ papers, copies }) {
  const unseen = papers["held-out thing and hand"].concept;
  const judged = `So it was asked for such pairs, and another program, the judge, had to say what the pictures show. It was right for ${ofHundred(unseen.share)}. A guess would be right for ${ofHundred(unseen.chance)}.`;
  const copied = `And does it copy? ${copies.n.toLocaleString("en")} of its pictures were compared with all the pictures it was trained on. ${copies.right || "None"} of them lie so near to one that it may be a copy. Here are the twelve that lie nearest: above what it made, below the training picture.`;
  const limits = "This shows that it can put together what it never saw together. It does not show that it invents from nothing: its shapes are those of the drawings it learnt from.";
  const nearest = element("img", { src: "/help/pictures/starter-nearest.webp", alt: "Twelve made pictures, each above the training picture that is nearest to it: alike in kind, none the same", loading: "lazy" });
  const strip = element("div", { className: "inside-table inside-strip", tabIndex: 0, role: "region", ariaLabel: "The twelve nearest" }, nearest);
  return [element("p", {}, judged), element("p", {}, copied), strip, element("p", {}, limits), figures(papers, copies)];
}

function figures(papers, copies) {
  const rows = PAPERS.map(([paper, question, words]) => row(words, papers[paper][question]));
  const head = element("tr", {}, ...["The judge recognises", "of all", "95 % interval", "a guess would reach"].map((words) => element("th", { scope: "col" }, words)));
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  const judge = "The judge was trained on real drawings only and never saw the starter. It may be wrong too, and it names more than a person would.";
  const near = `“So near” means: nearer than 99 % of real drawings that it never saw are to one (${copies.right} of ${copies.n.toLocaleString("en")}; 95 % interval: ${percent(copies.low)} to ${percent(copies.high)}).`;
  const scroll = element("div", { className: "inside-table", tabIndex: 0, role: "region", ariaLabel: "Figures" }, table);
  return element("details", {}, element("summary", {}, "All figures"), scroll, element("p", {}, judge), element("p", {}, near));
}

function row(words, { share, low, high, chance }) {
  const cells = [percent(share), `${percent(low)} to ${percent(high)}`, percent(chance)].map((text) => element("td", {}, text));
  return element("tr", {}, element("th", { scope: "row" }, words), ...cells);
}
