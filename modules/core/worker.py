"""The Protocol of whatever makes pictures: this process, a spawned one, or one on another machine."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

from modules.core.events import Event
from modules.core.extensions import Message
from modules.core.task import Task


class Worker(Protocol):
    """One device. Runs one task at a time; a task's id is given to one process only once.

    Contract (tests/worker/test_contract.py runs it against every implementation): `run` yields the task's events and
    ends with one `Ending`; closing the iterator early, or `cancel` from any thread, stops the work within one step;
    errors of a task arrive as `Failed`, never as an exception; if the process dies `run` raises WorkerLost and the
    next `run` starts a new one.
    """

    def run(self, task: Task) -> Generator[Event, None, None]: ...

    def cancel(self, task_id: str) -> None:
        """Stop a running task; unknown ids are ignored. Callable from any thread."""
        ...

    def say(self, task_id: str, extension: str, message: Message) -> None:
        """Say something to an extension's technique in a running task; of other tasks nobody hears it. Callable from
        any thread."""
        ...

    def close(self) -> None:
        """End the worker and everything it runs."""
        ...
