"""A worker in this process: tests use it, and the spawned process runs one inside."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import cached_property
from typing import Protocol, runtime_checkable

from modules.core.events import Cancelled, Ending, Event
from modules.core.extensions import Message
from modules.core.task import Task


class Runs(Protocol):
    """Whatever turns a task into events, ending with one `Ending`; closing the generator stops it."""

    def run(self, task: Task) -> Generator[Event, None, None]: ...


@runtime_checkable
class Hears(Protocol):
    """A service whose running task can be spoken to."""

    def say(self, task: str, extension: str, message: Message) -> None: ...


class LocalWorker:
    """Adds cancelling from another thread to a service, which is built when it is first needed."""

    def __init__(self, build: Callable[[], Runs]) -> None:
        self._build = build
        self._cancelled: set[str] = set()

    @cached_property
    def service(self) -> Runs:
        return self._build()

    def run(self, task: Task) -> Generator[Event, None, None]:
        events = self.service.run(task)
        try:
            for event in events:
                if task.id in self._cancelled and not isinstance(event, Ending):
                    yield Cancelled(task.id)
                    return
                yield event
        finally:
            events.close()
            self._cancelled.discard(task.id)

    def cancel(self, task_id: str) -> None:
        """Also before the task has begun: it then ends at its first event."""
        self._cancelled.add(task_id)

    def say(self, task_id: str, extension: str, message: Message) -> None:
        """Nobody hears it before the service is there."""
        service = self.__dict__.get("service")
        if isinstance(service, Hears):
            service.say(task_id, extension, message)

    def close(self) -> None:
        """Nothing runs outside `run`."""
