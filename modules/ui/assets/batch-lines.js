// What became of many pictures, as lines: how many jobs there are, what was said of some, what was refused and why.

/** answer: of `POST /batch`, which names pictures that were brought by their ids. names: id -> name of its file. */
export function batchLines({ ids, notes, refused }, names = {}) {
  const named = (line) => Object.entries(names).reduce((said, [id, name]) => said.replace(id, name), line);
  const count = ids.length === 1 ? "1 job is in the queue." : `${ids.length || "No"} jobs are in the queue.`;
  return [count, ...[...notes, ...refused.map(({ name, reason }) => `${name}: ${reason}`)].map(named)];
}
