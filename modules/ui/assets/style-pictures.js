// <taffy-style-pictures>: up to four pictures whose look is taken, with the share of each; twelve come with Taffy.

import { arrange, element } from "./elements.js";
import { newestOf, overwrite, write } from "./form.js";
import { inputFromFile, inputUrl } from "./source-upload.js";
import { PictureBox, TAB } from "./style-source.js";

const MOST = 4;
const SHARE = 50; // of a picture whose share nobody chose, where the largest is 100
const SHIPPED = "taffy-style-shipped"; // {name: id of the input it became}

class StylePictures extends PictureBox {
  title = "Style pictures";
  label = "a style";

  build() {
    this.hint = element("p", { className: "taffy-style-hint" });
    this.list = element("ul", { className: "taffy-style-chosen", ariaLabel: "Style pictures" });
    this.shipped = element("ul", { className: "taffy-thumbs taffy-style-shipped", ariaLabel: "Style pictures that come with Taffy" });
    this.firstChild.after(this.hint, this.list);
    this.bar.after(this.shipped);
    this.ids = JSON.parse(localStorage.getItem(SHIPPED) ?? "{}");
    this.readShipped();
  }

  owns(target) {
    return Boolean(target.closest("taffy-style-pictures"));
  }

  async readShipped() {
    const answer = await fetch("/styles/pictures").catch(() => null); // the stream says when the server is away
    if (!answer?.ok) return;
    const tile = (one) => {
      const image = element("img", { src: one.url, alt: one.name, loading: "lazy", draggable: false });
      const button = element("button", { type: "button", title: one.name, onclick: () => this.press(one) }, image);
      button.dataset.name = one.name;
      return element("li", {}, button);
    };
    this.shipped.replaceChildren(...(await answer.json()).map(tile));
    this.draw();
  }

  get chosenIds() {
    return newestOf(TAB).style_images ?? [];
  }

  /** One that comes with Taffy: chosen, or no longer. */
  press({ name, url }) {
    const id = this.ids[name];
    if (this.chosenIds.includes(id)) this.remove(id);
    else this.take(this.bring(name, url), `“${name}”`);
  }

  async bring(name, url) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error("this style picture cannot be read");
    const input = await inputFromFile(await answer.blob());
    this.ids[name] = input.id;
    localStorage.setItem(SHIPPED, JSON.stringify(this.ids));
    return input;
  }

  /** The newest of four gives way. */
  chosen({ id }, what) {
    if (this.chosenIds.includes(id)) return;
    const images = [...this.chosenIds.slice(0, MOST - 1), id];
    overwrite(what, { style_images: images, style_weights: this.shares(images) });
  }

  remove(id) {
    const images = this.chosenIds.filter((one) => one !== id);
    overwrite("removing a style picture", { style_images: images, style_weights: this.shares(images) });
  }

  /** The shares of these pictures; none while nobody chose any. */
  shares(images) {
    const { style_weights: weights = [] } = newestOf(TAB);
    if (!weights.length || images.length < 2) return [];
    return images.map((id) => weights[this.chosenIds.indexOf(id)] ?? SHARE);
  }

  setShare(id, share) {
    const weights = this.chosenIds.map((one, at) => newestOf(TAB).style_weights[at] ?? SHARE);
    weights[this.chosenIds.indexOf(id)] = share;
    write({ style_weights: weights }, TAB);
  }

  draw() {
    const ids = this.chosenIds;
    const weights = ids.map((id, at) => newestOf(TAB).style_weights?.[at] ?? SHARE);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const words = "Press one of these, or drop your own here: up to four, mixed by their shares.";
    this.hint.textContent = ids.length ? "" : words;
    this.facts.textContent = ids.length ? `${ids.length} of ${MOST}` : "";
    arrange(this.list, ids, (id) => id, (id) => this.tile(id), (tile, id) => {
      const at = ids.indexOf(id);
      const [range] = tile.getElementsByTagName("input");
      if (document.activeElement !== range) range.value = weights[at];
      range.ariaLabel = `Share of style picture ${at + 1}`;
      tile.querySelector("label").hidden = ids.length < 2;
      tile.querySelector("output").textContent = `${Math.round((100 * weights[at]) / total)} %`;
      tile.querySelector("img").alt = `Style picture ${at + 1}`;
      tile.querySelector("button").ariaLabel = `Remove style picture ${at + 1}`;
    });
    for (const button of this.shipped.querySelectorAll("button")) {
      button.ariaPressed = String(ids.includes(this.ids[button.dataset.name]));
    }
  }

  tile(id) {
    const image = element("img", { src: inputUrl(id), alt: "", draggable: false });
    image.onerror = () => (this.problem.textContent = "A style picture is no longer there: remove it and bring it again.");
    const away = element("button", { type: "button", onclick: () => this.remove(id) }, "×");
    const range = element("input", { type: "range", min: 5, max: 100, step: 5 });
    range.oninput = () => this.setShare(id, range.valueAsNumber);
    return element("li", {}, image, away, element("label", {}, range, element("output")));
  }
}

customElements.define("taffy-style-pictures", StylePictures);
