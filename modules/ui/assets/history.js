// The jobs that ended. The server sends the newest few with every state; the others of today, and older ones when
// somebody wants them, are asked for once.

const PAGE = 24;

let jobs = []; // newest first, without gaps
let isMore = false; // whether there are older ones than these

export const hasMore = () => isMore;

const midnight = () => new Date().setHours(0, 0, 0, 0) / 1000;

async function before(job, also = "") {
  const answer = await fetch(`/jobs?before=${encodeURIComponent(job.id)}${also}`).catch(() => null);
  return answer?.ok ? answer.json() : []; // the stream says when the server is away
}

/** Put older jobs behind the last one, unless the list has changed meanwhile. */
function append(last, older) {
  if (jobs.at(-1)?.id === last.id) jobs = [...jobs, ...older];
}

async function readToday(told) {
  const last = jobs.at(-1);
  append(last, await before(last, `&since=${midnight()}`));
  const oldest = jobs.at(-1); // none if the only one was taken back meanwhile
  isMore = Boolean(oldest) && (await before(oldest, "&count=1")).length > 0;
  told(jobs);
}

/** The newest jobs and all older ones that are known. `told(jobs)` is called when more have come. */
export function joined(recent, told) {
  const last = recent.at(-1);
  const place = jobs.findIndex(({ id }) => id === last?.id);
  jobs = place < 0 ? recent : [...recent, ...jobs.slice(place + 1)];
  if (last && place < 0) readToday(told);
  return jobs;
}

/** Read some older jobs. */
export async function readMore(told) {
  const last = jobs.at(-1);
  const older = await before(last, `&count=${PAGE}`);
  append(last, older);
  isMore = older.length === PAGE;
  told(jobs);
}
