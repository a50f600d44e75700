// "#inside=<id>" in the address opens the tab; its script, inside.js, is fetched then and reads what is wanted.

const wanted = () => new URLSearchParams(location.hash.slice(1)).get("inside");

addEventListener("hashchange", () => wanted() && document.querySelector("#taffy-open-inside")?.click());
