"""Questions of extensions' front halves to their worker halves: answered between jobs, piece by piece, in time."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from time import monotonic

from modules.core.errors import BadExtension, Busy, TaffyError, WorkerLost
from modules.core.events import Answered, Cancelled, Ending, Event, Failed, Finished, Hung
from modules.core.settings import Settings
from modules.core.task import Ask, Attend, Describe, Load, LookIn, Switch, Unload
from modules.core.worker import Worker

WAIT_SECONDS = 600.0  # until the engine has time
ANSWER_SECONDS = 120.0  # between two pieces of an answer
Small = Ask | Switch | Describe | Load | Unload | Attend | LookIn


@dataclass(frozen=True)
class Question:
    """A small task and where the answer goes. device: whose worker is asked. begun: that one has it; given_up: nobody
    waits any more."""

    task: Small
    device: int = 0
    pieces: SimpleQueue[Answered | Ending | TaffyError] = field(default_factory=SimpleQueue)
    begun: threading.Event = field(default_factory=threading.Event)
    given_up: threading.Event = field(default_factory=threading.Event)


class Questions:
    """Those that wait, for each device in the order they came. Any thread may ask."""

    def __init__(self) -> None:
        self._waiting: dict[int, deque[Question]] = {0: deque()}

    def serve(self, devices: int) -> None:
        """So many devices answer, from 0 on."""
        for device in range(devices):
            self._waiting.setdefault(device, deque())

    def leave(self, device: int) -> None:
        """A device that cannot be used answers nothing."""
        for question in self._waiting.pop(device, ()):
            question.pieces.put(WorkerLost(f"device {device} cannot be used"))

    def put(self, task: Small, device: int = 0) -> Question:
        """Ask one device."""
        question = Question(task, device)
        self._waiting[device].append(question)
        return question

    def put_to_all(self, task: Small) -> tuple[Question, ...]:
        """Ask every device: what each of them must know."""
        return tuple(self.put(task, device) for device in self._waiting)

    def round(self, device: int = 0) -> Iterator[Question]:
        """Those that wait now; what is asked meanwhile waits for the next round, so that jobs have their turn."""
        for _ in range(len(self._waiting[device])):
            if question := self.take(device):
                yield question

    def take(self, device: int = 0) -> Question | None:
        """The next that somebody still waits for."""
        waiting = self._waiting[device]
        while waiting:
            question = waiting.popleft()
            if not question.given_up.is_set():
                question.begun.set()
                return question
        return None


def pieces(
    question: Question, cancel: Callable[[str], None], wait: float = WAIT_SECONDS, patience: float = ANSWER_SECONDS
) -> Iterator[Answered]:
    """The answer as it comes; closing the iterator stops the work. wait, patience: seconds.

    Raises Busy if the engine has no time for it, BadExtension if it cannot be answered.
    """
    until = monotonic() + wait
    ended = False
    try:
        while not ended:
            left = patience if question.begun.is_set() else min(1.0, max(0.0, until - monotonic()))
            try:
                piece = question.pieces.get(timeout=left)
            except Empty:
                if question.begun.is_set() and left == patience:
                    raise BadExtension(f"there was no answer within {patience:g} seconds") from None
                if monotonic() >= until:
                    raise Busy(f"the engine had no time for this in {wait:g} seconds", "try again") from None
                continue
            ended = not isinstance(piece, Answered)
            yield from _told(piece)
    finally:
        if not ended:
            question.given_up.set()
            if question.begun.is_set():
                cancel(question.task.id)


def ended(question: Question, seconds: float) -> bool:
    """Whether a task without an answer is done within so many seconds; if not, it keeps its place.

    Raises as `pieces`.
    """
    try:
        list(_told(question.pieces.get(timeout=max(0.0, seconds))))
    except Empty:
        return False
    return True


def _told(piece: Answered | Ending | TaffyError) -> Iterator[Answered]:
    match piece:
        case Answered():
            yield piece
        case Failed():
            raise BadExtension(piece.message, piece.advice)
        case Hung():
            raise BadExtension(piece.fault.message)
        case Cancelled():
            raise BadExtension("the question was stopped")
        case TaffyError():
            raise piece


def answer(question: Question, worker: Worker, follow: Callable[[Event], None]) -> None:
    """Ask the worker. follow: hears of everything that is no piece of the answer.

    Raises WorkerLost, after whoever waits has been told.
    """
    ended = False
    try:
        for event in worker.run(question.task):
            if isinstance(event, Answered | Ending):
                question.pieces.put(event)
                ended = ended or isinstance(event, Ending)
            if not isinstance(event, Answered | Finished):
                follow(event)
    except WorkerLost as error:
        question.pieces.put(error)
        raise
    finally:
        if not ended:
            question.pieces.put(Cancelled(question.task.id))


def ask(extension: str, job: str, name: str, payload: object, data: Mapping[str, bytes]) -> Ask:
    """A question under an id of its own."""
    return Ask(f"ask-{secrets.token_hex(8)}", extension, name, payload, job, data)  # type: ignore[arg-type]


def news(now: Settings, before: Settings | None = None) -> Iterator[Small]:
    """What the worker must be told after settings changed; all of it if it was started anew with those of the start."""
    if before is None or before.attention != now.attention:
        yield Attend("attend", now.attention)
    if before is None or before.models_dirs != now.models_dirs:
        yield LookIn("look-in", tuple(str(folder) for folder in now.models_dirs))
