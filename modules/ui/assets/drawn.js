// What our own elements share: they live through Gradio taking them out of the page and putting them back.

import { watch } from "./view.js";

/** A subclass says what it is made of (`build`) and how it follows the view (`draw(kind)`). */
export class Drawn extends HTMLElement {
  connectedCallback() {
    this.replaceChildren();
    this.build();
    this.end = watch((kind) => this.draw(kind));
  }

  disconnectedCallback() {
    this.end();
  }
}
