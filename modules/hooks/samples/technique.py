"""Remembers how sure the network was at each step, and keeps that with the job."""

import json

from modules.hooks import EngineJob, Family, StepState, Technique, hookimpl


class Sureness(Technique):
    def __init__(self, job: EngineJob) -> None:
        self.job = job
        self.spread: list[float] = []

    def after_step(self, state: StepState) -> None:
        assert state.prediction is not None
        self.spread.append(float(state.prediction.x0.std()))
        self.job.attach("spread", json.dumps(self.spread).encode())
        self.job.tell({"step": state.step})


@hookimpl
def technique(job: EngineJob, family: Family) -> Technique:
    return Sureness(job)
