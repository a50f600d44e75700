"""The line of waiting jobs as people see it: where each stands, when it begins, and what they may do with all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modules.core.errors import NotAllowed, NotThere
from modules.core.people import Person
from modules.core.request import GenerationRequest
from modules.jobs.job import Job
from modules.jobs.journal import EVERYBODY

if TYPE_CHECKING:
    from modules.app import App


@dataclass(frozen=True)
class Place:
    """A waiting job. position: 1 is the next of all. seconds: until it begins, None if nobody can say."""

    job: Job
    position: int
    seconds: float | None
    rests: bool = False


def places(app: App) -> Iterator[Place]:
    """Everybody's waiting jobs as they will be made, then those that rest.

    Seconds are those that were measured of steps; jobs of sizes and checkpoints never measured leave it open.
    """
    ordered = app.queue.in_order(app.watchers.checkpoint)
    devices = len(app.workers)
    ahead: float | None = running_seconds(app)
    for position, job in enumerate(ordered, start=1):
        yield Place(job, position, None if ahead is None else ahead / devices)
        own = seconds_of(app, job)
        ahead = None if ahead is None or own is None else ahead + own
    made = {job.id for job in ordered}
    resting = (job for job in app.queue.journal.waiting() if job.id not in made)
    for position, job in enumerate(resting, start=len(ordered) + 1):
        yield Place(job, position, None, rests=True)


def running_seconds(app: App) -> float | None:
    """Until all running jobs are done; None if one has not said yet."""
    left = [view.seconds_left for view in app.watchers.views()]
    return None if None in left else sum(filter(None, left))


def seconds_of(app: App, job: Job) -> float | None:
    request = job.request
    if not isinstance(request, GenerationRequest):
        return None
    step = app.pace.step_seconds(request.checkpoint, request.width, request.height)
    return None if step is None else step * request.steps * request.count


def repeat(app: App, job: Job) -> Job:
    """Put a job in again for its owner: one that is done with another seed, one that failed or was stopped as it was.

    Raises what `App.accept` raises.
    """
    request = job.request
    if isinstance(request, GenerationRequest) and job.state == "done":
        request = replace(request, seed=-1)
    return app.accept(request, job.owner)[0]


def cancel_all(app: App, person: Person, everybody: bool = False) -> int:
    """End the waiting and running jobs of a person, or of everybody; returns how many. Raises NotAllowed."""
    must_rule(person, everybody)
    gone = 0
    for job in app.queue.journal.unended():
        if everybody or job.owner == person.name:
            with suppress(NotThere):
                app.cancel(job.id, job.owner)
                gone += 1
    return gone


def rest(app: App, person: Person, resting: bool, everybody: bool = False) -> None:
    """Let the waiting jobs of a person rest or go on, or everybody's; running ones come to their end.

    Raises NotAllowed, CannotSave.
    """
    must_rule(person, everybody)
    app.queue.pause(EVERYBODY if everybody else person.must_make(), resting)
    app.watchers.changed()


def must_rule(person: Person, everybody: bool) -> None:
    if everybody and person.role != "owner":
        raise NotAllowed("only the owner decides about the jobs of everybody")
