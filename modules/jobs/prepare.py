"""Getting a worker ready before the first job, and again after it was lost; watchers see how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event as Flag
from typing import Protocol

from modules.core.errors import BadSetting, WorkerLost
from modules.core.events import Event, Failed, Loaded, Loading
from modules.core.task import Task
from modules.core.worker import Worker
from modules.jobs.watch import Watchers, WorkerStatus

WAIT_SECONDS = 1.0
Follow = Callable[[Loading | Loaded], None]


class Progress(Protocol):
    """How far an installation is. Bytes: 0 of 0 while unknown; seconds_left: None while unknown."""

    @property
    def done_bytes(self) -> int: ...
    @property
    def total_bytes(self) -> int: ...
    @property
    def seconds_left(self) -> float | None: ...
    @property
    def line(self) -> str: ...


class Packages(Protocol):
    """What a worker needs on this machine before it can start."""

    def needed(self) -> bool: ...

    def run(self) -> Iterator[Progress]:
        """Install; leaving the iterator ends the installer. Raises a TaffyError that says what to do."""
        ...


def install(packages: Packages, watchers: Watchers, stopping: Flag) -> None:
    """Bring the worker's packages here, if they are not; return early when the program stops."""
    if not packages.needed():
        return
    watchers.worker_is(WorkerStatus("installing"))
    for now in packages.run():
        watchers.worker_is(WorkerStatus("installing", now.line, now.done_bytes, now.total_bytes, now.seconds_left))
        if stopping.is_set():
            return


def wait_for(packages: Packages, stopping: Flag) -> None:
    """Until another thread has brought them here, or the program stops."""
    while packages.needed() and not stopping.wait(WAIT_SECONDS):
        pass


def wake(
    worker: Worker,
    task: Task,
    follow: Follow,
    hear: Callable[[Event], None] = lambda event: None,
) -> WorkerStatus:
    """Start the worker with a task of no consequence, so that the first job finds it warm.

    Returns "ready" also if the task failed: another checkpoint may work. "failed" means that the process itself does
    not live, where the next job tries again, or that its device is not there. follow: hears of progress; hear: of what
    is neither progress nor a failure.
    """
    ready = WorkerStatus("ready")
    try:
        for event in worker.run(task):
            match event:
                case Loading() | Loaded():
                    follow(event)
                case Failed():
                    ready = WorkerStatus("failed" if event.error == BadSetting.__name__ else "ready", event.message)
                case _:
                    hear(event)
    except WorkerLost as error:
        return WorkerStatus("failed", error.message)
    return ready
