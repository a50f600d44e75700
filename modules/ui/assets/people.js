// Who uses this page, where Taffy is shared: the name in the header, how to leave, the owner's link for other devices.

import { element } from "./elements.js";
import { view, watch } from "./view.js";

const OWN = /^taffy-/; // what the browser keeps for the page
const USER = "kept-for"; // whose it is

/** In the header; nothing where Taffy is for its own computer only. */
export function peopleButton() {
  const open = { type: "button", className: "taffy-memory", hidden: true, onclick: openPeople };
  const button = element("button", open);
  watch(() => {
    const me = view.state?.me;
    button.hidden = !me?.shared;
    if (me) button.textContent = me.name === "local" ? "owner" : me.name;
    button.title = me?.role === "owner" ? "Open on your phone, log out" : "Log out";
  });
  return button;
}

async function openPeople() {
  const { me } = view.state;
  if (document.querySelector("dialog[open]")) return;
  const title = element("h2", { id: "taffy-people-title" }, me.role === "owner" ? "Open on your phone" : me.name);
  const form = element("form", { method: "post", action: "/logout", hidden: true });
  const leave = element("button", { type: "button", onclick: () => form.submit() }, "Log out");
  const close = element("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = element("dialog", { className: "taffy-keys taffy-people" }, title, ...(await link(me)), form, leave, " ", close);
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
}

/** The owner's link as a picture for a camera, and as text. */
async function link({ role }) {
  if (role === "viewer") return [element("p", {}, "You look, and change nothing.")];
  if (role === "user") return [element("p", {}, "You are logged in.")];
  const answer = await fetch("/people/link").catch(() => null);
  if (!answer?.ok) return [element("p", { role: "alert" }, "The link cannot be read.")];
  const { url, qr } = await answer.json();
  const picture = qr.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ');
  const src = `data:image/svg+xml;utf8,${encodeURIComponent(picture)}`;
  const words = url.includes("token=")
    ? "Point the phone's camera at this. Whoever has this link is you: give it to nobody else."
    : "Point the phone's camera at this, then log in.";
  return [
    element("p", {}, words),
    element("img", { src, alt: "QR code of the link", className: "taffy-qr" }),
    element("p", { className: "taffy-hint" }, url),
  ];
}

/** Two people at one browser: what the browser keeps is put away for the one, and brought out for the other. */
function changeHands(name) {
  const before = localStorage.getItem(USER);
  localStorage.setItem(USER, name);
  if (before === null || before === name) return;
  for (const key of Object.keys(localStorage).filter((key) => OWN.test(key))) {
    localStorage.setItem(`of ${before} ${key}`, localStorage.getItem(key));
    localStorage.removeItem(key);
  }
  const mine = `of ${name} `;
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith(mine))) {
    localStorage.setItem(key.slice(mine.length), localStorage.getItem(key));
    localStorage.removeItem(key);
  }
  sessionStorage.clear();
  location.reload();
}

watch(async (kind) => {
  if (kind === "state" && view.state?.me) changeHands(view.state.me.name);
  if (kind !== "connected" || view.connected !== false) return;
  const answer = await fetch("/people/me").catch(() => null); // no answer: the server is away
  if (answer?.status === 401) location.reload(); // to the login
});
