// The pictures of one job side by side, to choose from. It lies over the single picture and is taken away to enlarge one.

import { arrange, element } from "./elements.js";

/** All pictures of a job, in the order of the row of small ones. */
export const siblings = (all, picture) => all.filter(({ job }) => job.id === picture.job.id);

export class Grid {
  /** enlarge(picture) is called when one is clicked. */
  constructor(box, enlarge) {
    this.enlarge = enlarge;
    this.list = element("ul", { className: "taffy-grid", ariaLabel: "Pictures of this job", hidden: true });
    box.append(this.list);
  }

  show(pictures, chosen) {
    this.list.style.setProperty("--columns", Math.ceil(Math.sqrt(pictures.length)));
    this.list.style.setProperty("--rows", Math.ceil(pictures.length / Math.ceil(Math.sqrt(pictures.length))));
    const mark = (item, { id }) => item.firstChild.setAttribute("aria-current", String(id === chosen.id));
    arrange(this.list, pictures, ({ id }) => id, (picture) => this.tile(picture, pictures), mark);
    this.list.hidden = false;
  }

  hide() {
    this.list.hidden = true;
  }

  tile(picture, pictures) {
    const number = pictures.indexOf(picture) + 1;
    const image = element("img", { src: picture.url, alt: `Enlarge ${number} of ${pictures.length}, seed ${picture.seed}` });
    const onclick = (event) => {
      event.stopPropagation(); // a click on the single picture below means something else
      this.enlarge(picture);
    };
    return element("li", {}, element("button", { type: "button", title: `Seed ${picture.seed}`, onclick }, image));
  }
}
