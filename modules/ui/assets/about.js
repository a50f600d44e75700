// What each control does: one sentence as its tooltip, and a "?" that opens its place in the Help. The "?" is seen only
// where the pointer or the caret is; F1 is the same for the keyboard.

import { element } from "./elements.js";

const PATIENCE_MS = 30_000;

/** The end of an element's id, or its class: [headline in docs/controls.md, sentence]. The first that fits counts. */
const ABOUT = {
  "hires-scale": ["Second, finer pass", "How much larger the second pass makes the picture; 1 makes no second pass"],
  "hires-strength": ["Second, finer pass", "How much is painted over: 0.3 adds detail, 0.7 also changes shapes"],
  "hires-upscaler": ["Second, finer pass", "What makes the picture larger before it is painted over"],
  "hires-steps": ["Second, finer pass", "Steps of the second pass; 0 takes as many as the first"],
  "hires-cfg": ["Second, finer pass", "How strongly the second pass follows the prompt; 0 is as in the first"],
  "hires-sampler": ["Second, finer pass", "The second pass's way from noise to picture"],
  "hires-schedule": ["Second, finer pass", "How the steps of the second pass are spread over the noise"],
  "hires-prompt": ["Second, finer pass", "What the second pass should show, if not the same"],
  "hires-negative": ["Second, finer pass", "What the second pass should not show, if not the same"],
  "style-amount": ["Style transfer", "How far the picture goes toward the colours of the style, 0 to 1"],
  "style-keep": ["Style transfer", "0.75 keeps the shapes of the content, 0.3 lets the style's strokes win"],
  "style-preset": ["Style transfer", "Adds the words of a style to the prompt"],
  "style-match": ["Style transfer", "Give the finished picture the colours of the style pictures"],
  "style-method": ["Style transfer", "Whether colours are matched with how they hang together, or by mean and spread alone"],
  "style-luma": ["Style transfer", "Only hues and their strength change, light and dark stay"],
  "style-falls": ["Style transfer", "“Keep the content” falls to half on the way: more style, less content"],
  "style-contrast": ["Style transfer", "How sharply each place picks its strokes: 1.5 is usual, less is blurred"],
  "style-grid": ["Style transfer", "How large the forms are that are taken from the style: 0.5 is fine and middle strokes"],
  "style-memory": ["Style transfer", "Whether the features of every step are kept, which is faster, or worked out again"],
  "image-cfg": ["Image CFG scale", "For checkpoints that follow orders: how closely they keep to the picture"], // before cfg
  strength: ["Denoising strength", "How much of the picture is painted anew"],
  exact: ["Exact steps", "Run all the steps asked for, however small the strength"],
  resize: ["When the shape differs", "How a picture of another shape is brought to this width and height"],
  "mask-content": ["Mask", "What stands under the mask when painting begins"],
  "mask-blur": ["Mask", "Pixels over which the edge of the mask fades"],
  "mask-grow": ["Mask", "Pixels to add around the mask; less than 0 takes away"],
  "mask-invert": ["Mask", "Change what is not painted"],
  "mask-soft": ["Mask", "Half painted changes half as much"],
  "mask-padding": ["Mask", "Pixels around the masked part that are looked at"],
  "only-masked": ["Mask", "Paint the masked part at full size and put it back"],
  "extend-left": ["Extend", "Pixels to add on the left"],
  "extend-top": ["Extend", "Pixels to add at the top"],
  "extend-right": ["Extend", "Pixels to add on the right"],
  "extend-bottom": ["Extend", "Pixels to add at the bottom"],
  "extend-overlap": ["Extend", "Pixels inside the old edge that may change, so that no seam is seen"],
  prompt: ["Prompt", "What the picture should show, in plain words"],
  negative: ["Negative prompt", "What the picture should not show; nothing at a CFG scale of 1"],
  checkpoint: ["Checkpoint", "The network that draws"],
  width: ["Width and height", "Pixels from left to right; best near the size the checkpoint was made for"],
  height: ["Width and height", "Pixels from top to bottom; best near the size the checkpoint was made for"],
  count: ["Pictures", "How many to make, 1 to 64, each with the next seed"],
  seed: ["Seed", "The noise it starts from: the same seed gives the same picture, -1 another one every time"],
  steps: ["Steps", "Small pushes from noise to picture: 15 to 30 are usual, more take longer for hardly a change"],
  cfg: ["CFG scale", "How strongly the picture follows the prompt: 4 to 8 is usual, far more burns the colours"],
  sampler: ["Sampler", "The way from noise to picture"],
  vae: ["VAE", "The part that turns the result into pixels: another one can change colours and fine detail"],
  schedule: ["Schedule", "How the steps are spread over the noise"],
  tiling: ["Tiling", "The picture continues over its edges, so that copies of it fit side by side"],
  fast_every: ["Fast mode", "Every how many steps the whole network is computed: 1 is exact, 3 takes half the time"],
  fast_layers: ["Fast mode", "How many of the network's last layers every step of fast mode computes; 0 takes what suits it"],
  variation_strength: ["Variations", "How far the picture turns from the one of the seed: 0 to 1, 0.1 is a sibling"],
  variation_seed: ["Variations", "The picture it turns toward"],
  earlier_variations: ["Variations", "What a picture that is varied again was turned toward before, as seed:strength"],
};

/** Wait for what is drawn later. */
async function soon(find) {
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until; ) {
    const found = find();
    if (found) return found;
    await new Promise((done) => requestAnimationFrame(done));
  }
  return null;
}

/** In sight, so that it can take the focus. */
const headline = (words) =>
  [...document.querySelectorAll(".taffy-help h2")].find((one) => one.offsetParent && one.textContent.trim() === words);

/** Open the Help where it speaks of a control. */
export async function openHelp(id) {
  document.querySelector("#taffy-open-help").click(); // the tab itself may be in a menu, where there is little room
  await soon(() => document.querySelector(".taffy-help h1")); // else the chapter that comes by itself comes last
  const chapter = document.querySelector(".taffy-help input[value=Controls]");
  if (!chapter?.checked) chapter?.click();
  const place = await soon(() => headline(ABOUT[id][0]));
  if (!place) return;
  place.tabIndex = -1;
  await soon(() => [...document.querySelectorAll(".taffy-help img")].every((image) => image.complete)); // else it moves
  place.scrollIntoView({ block: "start" });
  place.focus({ preventScroll: true });
}

const controls = (id) => document.querySelectorAll(`.taffy-form :is([id="${id}"], [id$="-${id}"], .taffy-${id})`);

function mark(control, id) {
  const [, sentence] = ABOUT[id];
  control.title = sentence;
  const label = `Help: ${ABOUT[id][0]}`;
  const onclick = () => openHelp(id);
  const properties = { type: "button", className: "taffy-about-control", tabIndex: -1, ariaLabel: label, title: label, onclick };
  control.append(element("button", properties, "?"));
}

/** Gradio draws the controls of a folded group when it is opened first. */
function markAll() {
  for (const id of Object.keys(ABOUT)) {
    for (const control of controls(id)) if (!control.querySelector(".taffy-about-control")) mark(control, id);
  }
}

let isDue = false;

function markSoon() {
  if (!isDue) requestAnimationFrame(() => ((isDue = false), markAll()));
  isDue = true;
}

new MutationObserver(markSoon).observe(document.querySelector("gradio-app") ?? document.body, { childList: true, subtree: true });
markAll();

document.addEventListener("keydown", (event) => {
  if (event.key !== "F1") return;
  const about = Object.keys(ABOUT).find((id) => [...controls(id)].some((control) => control.contains(event.target)));
  if (!about) return;
  event.preventDefault();
  openHelp(about);
});
