"""The worker half: keeps the steps of every picture, lets a picture leave the way of another one, shows steps."""

from __future__ import annotations

import json
from collections.abc import Iterator

from modules.hooks import Answered, Bench, EngineJob, Question, Technique, hookimpl

from .branch import branch_of
from .look import looks
from .record import unpacked
from .recorder import Inside


@hookimpl
def technique(job: EngineJob) -> Technique | None:
    """Nothing to do for a job that is no branch when nothing is to be kept."""
    branch = branch_of(job.request)
    keep = json.loads(job.packed["options"])["keep"] if "options" in job.packed else False
    if branch is None and not keep:
        return None
    return Inside(job, keep, branch, unpacked(job.packed["steps"]) if "steps" in job.packed else None)


@hookimpl
def answer(question: Question, bench: Bench) -> Iterator[Answered]:
    """The one question there is: "looks"."""
    return looks(question, bench)
