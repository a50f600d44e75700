// Answers that come line by line, each a value in JSON.

/** The values as they come; an error with the server's sentence where it says one. options: as of `fetch`. */
export async function* lines(url, options) {
  const answer = await fetch(url, options);
  let text = "";
  for await (const piece of read(answer.body)) {
    const whole = (text + piece).split("\n");
    text = whole.pop();
    for (const line of whole) {
      const value = JSON.parse(line);
      options?.signal?.throwIfAborted(); // several may have come at once
      if (value.error) throw new Error([value.error, value.advice].filter(Boolean).join("; "));
      yield value;
    }
  }
  if (!answer.ok) throw new Error(text || `status ${answer.status}`);
}

async function* read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
}
