// The Grid tab (what to vary) and the page of one grid (its cells as they come).

const api = "/extensions/grid/api";
const POLL_MS = 2000;
const SAMPLE = "1, 2, 5   or   1-10 (+2)   or   0-1 [5]: five of them   or   names, with commas";
const SAMPLES = {
  "prompt S/R": "castle, tower, ship   (the first stands in the prompt, each takes its place)",
  "prompt matrix": "a castle | at night | in snow   (with and without each part)",
  prompts: "a prompt a line",
};

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) name in made ? (made[name] = value) : made.setAttribute(name, value);
  made.append(...children);
  return made;
}

async function ask(path, value) {
  const options = value && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
  const answer = await fetch(`${api}/${path}`, options);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error([told.error, told.advice].filter(Boolean).join("; ") || `status ${answer.status}`);
  return told;
}

/** The form under txt2img as a request; empty fields are left to the server. */
function formRequest() {
  const values = window.taffyForms?.txt2img ?? {};
  const request = { extras: {} };
  for (const [name, value] of Object.entries(values)) {
    if (name.includes(".")) request.extras[name] = value;
    else if (value !== null && name !== "count") request[name] = value;
  }
  return request;
}

const link = (id) => `${api}/page?id=${encodeURIComponent(id)}`;

class Maker extends HTMLElement {
  connectedCallback() {
    this.classList.add("taffy-own");
    const fields = JSON.parse(this.dataset.fields);
    this.axes = ["X", "Y", "Z"].map((name) => this.axis(name, fields));
    this.said = element("p", { role: "status" });
    this.list = element("ul", { className: "grid-list" });
    const start = element("button", { type: "button", className: "taffy-go", onclick: () => this.start() }, "Make the grid");
    const hint = "Choose up to three fields to vary, and their values. Everything else is as the form under txt2img says.";
    this.replaceChildren(element("h2", {}, "Grid"), element("p", {}, hint), ...this.axes.map(({ root }) => root), start, this.said, element("h3", {}, "Grids"), this.list);
    new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.refresh()).observe(this);
  }

  axis(name, fields) {
    const options = fields.map((field) => element("option", { value: field }, field.replaceAll("_", " ")));
    const field = element("select", { ariaLabel: `${name} axis`, id: `grid-${name}` }, element("option", { value: "" }, "(nothing)"), ...options);
    const values = element("textarea", { rows: 2, ariaLabel: `Values of ${name}`, id: `grid-${name}-values` });
    field.onchange = () => (values.placeholder = field.value ? (SAMPLES[field.value] ?? SAMPLE) : "");
    return { field, values, root: element("div", { className: "grid-axis taffy-fields" }, element("label", { htmlFor: field.id }, name), field, values) };
  }

  async start() {
    const axes = this.axes.filter(({ field }) => field.value).map(({ field, values }) => ({ field: field.value, values: values.value }));
    try {
      const { id, cells } = await ask("start", { request: formRequest(), axes });
      this.said.replaceChildren(`${cells.length} cells. `, element("a", { href: link(id), target: "_blank", rel: "noopener" }, "Open the grid"));
      await this.refresh();
    } catch (error) {
      this.said.textContent = `${error.message[0].toUpperCase()}${error.message.slice(1)}.`;
    }
  }

  async refresh() {
    const grids = await ask("all").catch(() => []);
    const named = ({ axes }) => axes.map(([title, labels]) => `${title} (${labels.length})`).join(" × ");
    const items = grids.map((one) => element("li", {}, element("a", { href: link(one.id), target: "_blank", rel: "noopener" }, `${new Date(one.created * 1000).toLocaleString()}: ${named(one)}`)));
    this.list.replaceChildren(...(items.length ? items : [element("li", {}, "None yet.")]));
  }
}

class View extends HTMLElement {
  connectedCallback() {
    this.said = element("p", { role: "status" });
    this.again = element("button", { type: "button", hidden: true, onclick: () => this.act("again") }, "Make what is missing");
    this.stop = element("button", { type: "button", hidden: true, onclick: () => this.act("stop") }, "Stop");
    this.tables = element("div", { className: "grid-tables", tabIndex: 0, role: "region", ariaLabel: "The cells" });
    this.replaceChildren(element("h1", {}, "Grid"), this.said, this.again, this.stop, this.tables);
    this.poll();
  }

  async act(what) {
    try {
      this.draw(await ask(what, { id: this.dataset.grid }));
      this.poll();
    } catch (error) {
      this.said.textContent = error.message;
    }
  }

  async poll() {
    clearTimeout(this.timer);
    try {
      const grid = await ask(`cells?id=${encodeURIComponent(this.dataset.grid)}`);
      this.draw(grid);
      if (grid.cells.some((cell) => isOpen(cell, grid.stopped))) this.timer = setTimeout(() => this.poll(), POLL_MS);
    } catch (error) {
      this.said.textContent = error.message;
      this.timer = setTimeout(() => this.poll(), 5 * POLL_MS);
    }
  }

  draw({ axes, cells, stopped }) {
    const done = cells.filter(({ picture }) => picture).length;
    const failed = cells.filter(({ error }) => error).length;
    this.said.textContent = `${done} of ${cells.length} cells${failed ? `, ${failed} without a picture` : ""}${stopped ? ", stopped" : ""}`;
    const open = cells.some((cell) => isOpen(cell, stopped));
    this.stop.hidden = !open;
    this.again.hidden = open || done === cells.length;
    const [x, y = ["", [""]], z = ["", [""]]] = axes;
    const parts = z[1].map((label, depth) => this.table(x, y, cells.slice(depth * x[1].length * y[1].length), z[0] && `${z[0]}: ${label}`));
    this.tables.replaceChildren(...parts);
  }

  table([xTitle, xs], [yTitle, ys], cells, caption) {
    const head = element("tr", {}, element("th", {}, [yTitle, xTitle].filter(Boolean).join(" \\ ")), ...xs.map((label) => element("th", { scope: "col" }, label)));
    const rows = ys.map((label, row) => element("tr", {}, element("th", { scope: "row" }, label), ...xs.map((_, column) => this.cell(cells[row * xs.length + column], `${xTitle} ${xs[column]} ${yTitle} ${label}`))));
    return element("table", {}, element("caption", {}, caption || ""), element("thead", {}, head), element("tbody", {}, ...rows));
  }

  cell({ state, error, picture }, alt) {
    if (!picture) return element("td", { className: error ? "grid-bad" : "" }, error || state);
    const url = `/pictures/${encodeURIComponent(picture)}`;
    return element("td", {}, element("a", { href: url }, element("img", { src: url, alt, loading: "lazy" })));
  }
}

/** Whether a cell is still to come. */
const isOpen = ({ state }, stopped) => ["waiting", "running"].includes(state) || (state === "planned" && !stopped);

customElements.define("taffy-grid-maker", Maker);
customElements.define("taffy-grid-view", View);
