// Pictures on their way to the server, which keeps them by id (`/inputs`).

const MOST_BYTES = 300_000_000; // the server takes no more (MAX_BYTES) and would hang up in the middle

export const inputUrl = (id) => `/inputs/${encodeURIComponent(id)}`;

const problem = ({ error, advice } = {}, status) => new Error([error, advice].filter(Boolean).join("; ") || `status ${status}`);

/** POST a value as JSON; the answer, or an error with the server's sentence. signal: an AbortSignal. */
export async function post(url, value, signal) {
  const headers = { "Content-Type": "application/json" };
  return read(url, { method: "POST", headers, body: JSON.stringify(value), signal });
}

/** What the server answers, or an error with its sentence. */
export async function read(url, options) {
  const answer = await fetch(url, options);
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw problem(said, answer.status);
  return said;
}

/** What the server knows of an input: {width, height, has_alpha, notes, parent ...} */
export const inputAbout = (id) => read(`${inputUrl(id)}/about`);

/** A finished picture as an input: {id, url, width, height, notes, parent ...} */
export const inputFromGallery = (picture) => post("/inputs", { picture });

/** A file as an input. tell(share) is called with 0 to 1 while it travels. Its errors say `isAway` if nobody answered. */
export function inputFromFile(file, tell = () => {}) {
  if (file.size > MOST_BYTES) {
    const size = Math.round(file.size / 1e6);
    return Promise.reject(new Error(`a picture may have at most ${MOST_BYTES / 1e6} MB, this file has ${size}`));
  }
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not say how far it is
    request.open("POST", "/inputs");
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => tell(total ? loaded / total : 0);
    request.onerror = () => reject(Object.assign(new Error("the server did not answer"), { isAway: true }));
    request.onload = () => {
      if (request.status < 300) resolve(request.response);
      else reject(problem(request.response ?? {}, request.status));
    };
    request.send(file);
  });
}
