// Building the page out of values. Text only ever becomes text nodes and properties, never markup.

/** element("p", {className: "x"}, "text", child) */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Make the children of `list` be `items`, in order, keeping the elements (and their focus) of those that stay. */
export function arrange(list, items, key, create, update = () => {}) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const there = new Map([...list.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, place) => {
    const name = String(key(item));
    const child = there.get(name) ?? create(item);
    there.delete(name);
    child.dataset.key = name;
    update(child, item);
    if (list.children[place] !== child) list.insertBefore(child, list.children[place] ?? null);
  });
  for (const child of there.values()) child.remove();
  if (focused?.isConnected && focused !== document.activeElement) focused.focus(); // it was lost by being moved
}

/** 0.12 -> "0.1 s", 75 -> "75 s", 200 -> "3 min" */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** 412e6 -> "412 MB" */
export function bytesOf(size) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${(size / 1000 ** power).toFixed(power > 2 ? 1 : 0)} ${UNITS[power]}`;
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** (412e6, 2.3e9) -> "0.4 of 2.3 GB" */
export function bytes(done, total) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, total)) / 3));
  const digits = power > 2 ? 1 : 0;
  return `${(done / 1000 ** power).toFixed(digits)} of ${(total / 1000 ** power).toFixed(digits)} ${UNITS[power]}`;
}
