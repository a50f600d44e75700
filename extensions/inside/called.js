// "#inside=<picture>" or "#inside-job=<job>" in the address opens the tab; inside.js is fetched then and reads it.

const wanted = () => /^#inside(-job)?=/.test(location.hash);

addEventListener("hashchange", () => wanted() && document.querySelector("#taffy-open-inside")?.click());
