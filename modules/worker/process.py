"""A worker in a process of its own: it may run out of memory or crash, and the page lives on."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Protocol, runtime_checkable

from modules.core.errors import WorkerLost
from modules.core.events import Ending, Event, Hung
from modules.core.extensions import Fault, Message
from modules.core.task import Task
from modules.worker.cards import Missing, has_card, see_only
from modules.worker.config import WorkerConfig
from modules.worker.local import LocalWorker, Runs

GOODBYE_SECONDS = 2.0


@dataclass(frozen=True)
class Stop:
    """Sent down the pipe to cancel a task."""

    task: str


@dataclass(frozen=True)
class Say:
    """Sent down the pipe for a technique of the running task."""

    task: str
    extension: str
    message: Message


@dataclass(frozen=True)
class Goodbye:
    """Sent down the pipe to end the process at once."""


Build = Callable[[Any], Runs]


@runtime_checkable
class Watched(Protocol):
    """A service that notices when code of others does not come back."""

    def watch(self, report: Callable[[Fault], None]) -> None: ...


def build_service(config: WorkerConfig) -> Runs:
    """The real thing; imported here because only the spawned process may load torch."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s engine %(levelname)s %(message)s")
    logging.getLogger("xformers").setLevel(logging.ERROR)
    if config.device and not config.use_cpu:
        see_only(config.device, os.environ)
        if not has_card():
            return Missing(config.device)
    from modules.core.heap import keep_freed_memory
    from modules.worker.service import Service

    keep_freed_memory()
    return Service(config)


class ProcessWorker:
    """Spawns the process at the first task (or by `start`), and again after it was lost.

    build, config: what the process runs: `build(config)`; both must be picklable.
    """

    def __init__(self, config: object, build: Build = build_service) -> None:
        self._config = config
        self._build = build
        self._lock = Lock()  # guards the pipe's sending end and the process
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> Connection:
        """Make sure the process runs; importing torch there takes seconds, the pipe is ready at once."""
        with self._lock:
            if self._pipe is not None and self._process is not None and self._process.is_alive():
                return self._pipe
            context = get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(
                target=serve, args=(theirs, self._build, self._config), daemon=True, name="engine"
            )
            process.start()
            theirs.close()
            self._process, self._pipe = process, ours
            return ours

    def run(self, task: Task) -> Generator[Event, None, None]:
        """Raises WorkerLost if the process dies meanwhile."""
        pipe = self.start()
        ended = False
        try:
            with self._lock:
                pipe.send(task)
            while not ended:
                event: Event = pipe.recv()
                ended = isinstance(event, Ending)
                if isinstance(event, Hung):
                    self._bury()  # it ends itself
                yield event
        except (EOFError, OSError) as error:
            ended = True
            raise WorkerLost(self._bury(), "your job was put in front of the queue") from error
        finally:
            if not ended:  # closed early by whoever watched
                self._stop_and_drain(pipe, task.id)

    def cancel(self, task_id: str) -> None:
        self._tell(Stop(task_id))

    def say(self, task_id: str, extension: str, message: Message) -> None:
        self._tell(Say(task_id, extension, message))

    def close(self) -> None:
        """Ask the process to end, then end it."""
        self._tell(Goodbye())
        self._bury()

    def _tell(self, message: Stop | Say | Goodbye) -> None:
        with self._lock, suppress(OSError):  # a dead process needs no telling; `run` says that it died
            if self._pipe is not None:
                self._pipe.send(message)

    def _stop_and_drain(self, pipe: Connection, task_id: str) -> None:
        self.cancel(task_id)
        try:
            while not isinstance(pipe.recv(), Ending):
                pass
        except (EOFError, OSError):
            self._bury()

    def _bury(self) -> str:
        """Forget a dead process; the sentence says what is known of its end."""
        with self._lock:
            process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if process is None or pipe is None:
            return "The engine was stopped."
        process.join(GOODBYE_SECONDS)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        pipe.close()
        if code is None:
            return "The engine did not answer any more and was stopped."
        if code == -getattr(signal, "SIGKILL", 9):
            return "The engine stopped (killed by the system, probably memory)."
        return f"The engine stopped (exit code {code})."


def serve(pipe: Connection, build: Build, config: object) -> None:
    """The spawned process: run tasks from the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the front, which then closes this process
    worker = LocalWorker(partial(build, config))
    tasks: SimpleQueue[Task] = SimpleQueue()
    Thread(target=_listen, args=(pipe, tasks, worker), daemon=True).start()
    service = worker.service  # the imports take seconds: begin before the first task comes
    current = [""]
    if isinstance(service, Watched):
        service.watch(partial(_lost, pipe, current))
    while True:
        task = tasks.get()
        current[0] = task.id
        for event in worker.run(task):
            pipe.send(event)


def _lost(pipe: Connection, current: list[str], fault: Fault) -> None:
    """An extension's code does not come back: say so in the place of the thread that waits for it, and end."""
    pipe.send(Hung(current[0], fault))
    os._exit(1)


def _listen(pipe: Connection, tasks: SimpleQueue[Task], worker: LocalWorker) -> None:
    """Sort what comes in: tasks wait, a stop acts at once, a goodbye or a closed pipe ends the process."""
    while True:
        try:
            message: Task | Stop | Say | Goodbye = pipe.recv()
        except (EOFError, OSError):
            message = Goodbye()
        match message:
            case Goodbye():
                os._exit(0)
            case Stop():
                worker.cancel(message.task)
            case Say():
                worker.say(message.task, message.extension, message.message)
            case _:
                tasks.put(message)
