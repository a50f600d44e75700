// The upscalers for pictures that the server has.

/** [{name, size, problem ...}], those that cannot be used too; empty when the server does not answer. */
export async function upscalers() {
  const answer = await fetch("/upscalers").catch(() => null);
  return answer?.ok ? (await answer.json()).filter(({ kind }) => kind === "pixels") : [];
}

/** The name of the best: a network if somebody put one into the models folder. */
export function bestOf(known) {
  return known.find(({ size, problem }) => size && !problem)?.name ?? "Lanczos";
}
