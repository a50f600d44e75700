"""Looks: what a request would start from, asked by a page while somebody moves a slider. Several pages may ask at once.

They are answered between jobs and are in no journal: a page that still wants to know after a restart asks again.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from modules.core.errors import BadRequest, Busy, WorkerLost
from modules.core.events import Failed, Frame, Loaded, Loading, Shown
from modules.core.request import GenerationRequest
from modules.core.requests import input_ids
from modules.core.task import Encode
from modules.core.worker import Worker

MOST = 4  # questions of one person that wait
Frames = Mapping[str, Frame]  # "round trip", "noised start"


@dataclass(frozen=True)
class Look:
    """A question. answer: the frames by name, or the error that says why there are none."""

    owner: str
    request: GenerationRequest
    answer: Future[Frames] = field(default_factory=Future)


class Looks:
    """The questions that wait: at most four of a person, one for each page that is open. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Look] = []

    def ask(self, owner: str, request: GenerationRequest) -> Future[Frames]:
        """Where the same owner has four that wait already, it takes the place of the oldest, which fails with Busy."""
        look = Look(owner, request)
        with self._lock:
            earlier = [one for one in self._waiting if one.owner == owner]
            self._waiting.append(look)
            gone = earlier[: max(0, len(earlier) + 1 - MOST)]
            self._waiting = [one for one in self._waiting if one not in gone]
        for one in gone:
            if one.answer.set_running_or_notify_cancel():
                one.answer.set_exception(Busy("a newer look has taken the place of this one"))
        return look.answer

    def take(self) -> Look | None:
        """The question that has waited longest; those nobody waits for any more are passed over."""
        with self._lock:
            while self._waiting:
                look = self._waiting.pop(0)
                if look.answer.set_running_or_notify_cancel():
                    return look
        return None


def answer(
    look: Look, worker: Worker, read: Callable[[str, str], bytes], follow: Callable[[Loading | Loaded], None]
) -> None:
    """Ask the worker. read(input id, owner): the PNG. follow: hears of a checkpoint that is loaded for it.

    Raises WorkerLost, after the answer has been told.
    """
    frames: dict[str, Frame] = {}
    try:
        inputs = {id: read(id, look.owner) for id in input_ids(look.request)}
        for event in worker.run(Encode(f"look-{secrets.token_hex(8)}", look.request, inputs)):
            match event:
                case Shown():
                    frames[event.name] = event.frame
                case Loading() | Loaded():
                    follow(event)
                case Failed():
                    raise BadRequest(event.message, event.advice)
    except WorkerLost as error:
        look.answer.set_exception(error)
        raise
    except Exception as error:  # told to who asked; a bug must not stop the thread that all jobs wait for
        look.answer.set_exception(error)
    else:
        look.answer.set_result(frames)
