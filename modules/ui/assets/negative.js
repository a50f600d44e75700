// The negative prompt is folded while it is empty: most people never need it.

import { element } from "./elements.js";
import { watchForm, form } from "./form.js";

class Negative extends HTMLElement {
  connectedCallback() {
    const title = "What the picture should not show (N)";
    this.button = element("button", { type: "button", title, onclick: () => this.open() }, "Negative prompt");
    this.button.setAttribute("aria-expanded", "false");
    this.replaceChildren(this.button);
    this.end = watchForm(() => this.offsetParent && form.values.negative_prompt && this.unfold());
  }

  get box() {
    return this.closest(".taffy-form").querySelector(".taffy-negative-box textarea");
  }

  disconnectedCallback() {
    this.end();
  }

  unfold() {
    if (this.hidden) return;
    this.hidden = true; // the style shows the field in its place
    requestAnimationFrame(() => this.box.dispatchEvent(new InputEvent("input", { bubbles: true }))); // its height
  }

  open() {
    this.unfold();
    this.box.focus();
  }
}

/** Show the negative prompt, and write there. */
export function toNegative() {
  const form = [...document.querySelectorAll(".taffy-form")].find((one) => one.offsetParent);
  form?.querySelector("taffy-negative")?.open();
}

customElements.define("taffy-negative", Negative);
