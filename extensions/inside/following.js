// A job that runs, as its steps come: one question at a time, and another when something was heard meanwhile.

import { read } from "/taffy/source-upload.js";

const PAUSE_MS = 250; // between two questions; the server has something new twice a second at most

export class Following {
  /** heard(told): see `running.py`. failed(error): it could not be asked. */
  constructor(url, heard, failed) {
    Object.assign(this, { url, heard, failed, way: null, rung: false, asking: false });
  }

  /** From its newest batch of pictures on. */
  begin(job) {
    this.way = { job, seed: "", since: 0 };
    this.ring();
  }

  end() {
    this.way = null;
  }

  /** Something may be new. */
  ring() {
    this.rung = true;
    if (this.way && !this.asking) this.ask();
  }

  async ask() {
    this.asking = true;
    while (this.rung && this.way) {
      this.rung = false;
      const { way } = this;
      try {
        const told = await read(this.url("running", way));
        if (told.missing) throw new Error(told.missing);
        if (way === this.way) this.learn(told);
      } catch (error) {
        if (way === this.way) this.failed(error);
      }
      await new Promise((go) => setTimeout(go, PAUSE_MS));
    }
    this.asking = false;
  }

  learn(told) {
    if (told.seed >= 0) this.way.seed = told.seed;
    for (const [step] of told.steps) this.way.since = Math.max(this.way.since, step + 1);
    this.heard(told);
  }
}
