"""The worker half: keeps the steps of every picture, lets a picture leave the way of another one, shows steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from modules.hooks import Answered, BadRequest, Bench, EngineJob, Family, Question, Technique, hookimpl

from .branch import branch_of
from .features import points, trained
from .look import looks
from .parts import parts, round_trip
from .record import unpacked
from .recorder import Inside
from .replay import Replaying, Wish, replayed
from .telling import Telling
from .together import Together
from .verifying import verified
from .watching import Watching


@hookimpl
def technique(job: EngineJob, family: Family) -> Technique | None:
    """Nothing to do for a job that is no branch when nothing is to be kept."""
    options: dict[str, Any] = json.loads(job.packed.get("options", b"{}"))
    steps = unpacked(job.packed["steps"]) if "steps" in job.packed else None
    if (wished := options.get("replay")) and steps:
        wish = Wish(**wished)
        way = Replaying(job, steps, wish)
        return Together(way, Watching(job, family, at_once=True)) if wish.words else way
    branch = branch_of(job.request)
    ones: list[Technique] = []
    watching = Watching(job, family) if options.get("watch") else None
    if branch or options.get("keep"):
        ones.append(inside := Inside(job, bool(options.get("keep")), branch, steps))
    if watching:
        ones.append(watching)
    if options.get("keep") and "every" in options:
        ones.append(telling := Telling(job, family, inside, watching, float(options["every"])))
        together = Together(*ones)
        telling.join = together.add
        return together
    return Together(*ones) if ones else None


def words(question: Question, bench: Bench) -> Iterator[Answered]:
    """Where the words look at the steps in the payload: a line of `maps.line` for each."""
    payload: Any = question.payload
    for found in replayed(question, bench, Wish(tuple(payload["steps"]), words=True)):
        yield Answered(None, found.data)


QUESTIONS: dict[str, Callable[[Question, Bench], Iterator[Answered]]] = {
    "looks": looks,
    "words": words,
    "parts": parts,
    "round trip": round_trip,
    "verify": verified,
    "side": points,
    "points": points,
    "trained": trained,
}


@hookimpl
def answer(question: Question, bench: Bench) -> Iterator[Answered]:
    """Raises BadRequest for a question there is not."""
    if question.name not in QUESTIONS:
        raise BadRequest(f"nobody here can answer {question.name!r:.40}", f"known: {', '.join(QUESTIONS)}")
    return QUESTIONS[question.name](question, bench)
