"""What people see of a running job. The newest view only: whoever is slow misses frames and costs nobody anything."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from modules.core.events import Described, Frame, Loaded, Loading, Shown, Stepped, WorkerCard
from modules.jobs.film import Films, Shot
from modules.jobs.job import Job

SMOOTHING = 0.3  # weight of the newest step in the estimate
TELLING = ("installing", "restarting", "starting", "busy", "ready", "failed")  # what is said of several devices


@dataclass(frozen=True)
class WorkerStatus:
    """What the engine is doing; done and total are bytes while something is installed or loaded, else 0."""

    state: Literal["starting", "installing", "ready", "busy", "restarting", "failed"] = "starting"
    message: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None


def _loading(event: Loading) -> str:
    """Kernels are compiled and measured when all bytes are there, and never again on this computer."""
    if event.done < event.total:
        return f"Loading {event.checkpoint}"
    return f"Getting {event.checkpoint} ready, which takes some seconds the first time"


def of_all(devices: Collection[WorkerStatus]) -> WorkerStatus:
    """What is said of several devices in one sentence: a trouble that one of them has is told while others work."""
    if not devices:
        return WorkerStatus()
    first = min(devices, key=lambda status: TELLING.index(status.state))
    trouble = (status.message for status in devices if status.state == "failed")
    return first if first.message else replace(first, message=next(trouble, ""))


@dataclass(frozen=True)
class JobView:
    """How far a running job is. picture: 1-based. step_seconds: smoothed duration of a step, None before the first.

    offset: pictures that were made by an earlier attempt. n: how many frames there were; the newest is of frame_step.
    sigmas: the noise level of each step of this picture so far.
    """

    job: Job
    offset: int = 0
    picture: int = 1
    step: int = 0
    steps: int = 0
    step_seconds: float | None = None
    message: str = ""
    frame: Frame | None = None
    frame_step: int = 0
    n: int = 0
    sigmas: tuple[float, ...] = ()

    def after(self, event: Stepped) -> JobView:
        before = event.seconds if self.step_seconds is None else self.step_seconds
        return replace(
            self,
            picture=self.offset + event.first_picture + 1,
            step=event.step,
            steps=event.steps,
            step_seconds=before + SMOOTHING * (event.seconds - before),
            message="",
            frame=event.frame or self.frame,
            frame_step=event.step if event.frame else self.frame_step,
            n=self.n + (event.frame is not None),
            sigmas=(*(self.sigmas if event.step > 1 else ()), event.sigma),
        )

    @property
    def seconds_left(self) -> float | None:
        """Steps that are left, in this batch and those after it, times the smoothed duration of one."""
        if self.step_seconds is None:
            return None
        job = self.job
        batches_after = -(-max(0, job.count - self.picture + 1 - job.batch_size) // job.batch_size)
        return (self.steps - self.step + batches_after * self.steps) * self.step_seconds


@dataclass(eq=False)
class Subscription:
    """One watcher's bell, rung from any thread. It rings once however much has happened since it was last heard."""

    owner: str
    everybody: bool = False
    closed: bool = False
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _rung: bool = False

    def ring(self) -> None:
        if not self._rung:
            self._rung = True
            with suppress(RuntimeError):  # the server is stopping and its loop is closed
                self._loop.call_soon_threadsafe(self._bell.set)

    async def changed(self, timeout: float) -> bool:
        """Wait until there is something new; False after `timeout` seconds without news."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._bell.wait()
        news = self._bell.is_set()
        if news:
            self._bell.clear()
            self._rung = False
        return news


class Watchers:
    """The newest view of every running job and of the devices, and the people who want to hear of changes."""

    def __init__(self) -> None:
        self.films = Films()
        self._lock = threading.Lock()
        self._workers: dict[int, WorkerStatus] = {}  # by device
        self._loaded: dict[int, str] = {}  # device -> its checkpoint; the newest last
        self._card: WorkerCard | None = None
        self._views: dict[str, JobView] = {}
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    @property
    def worker(self) -> WorkerStatus:
        """What the engine is doing, all devices together."""
        return of_all(tuple(self._workers.values()))

    @property
    def checkpoint(self) -> str:
        """The name of the one that was loaded last; empty before the first."""
        with self._lock:
            return next(filter(None, reversed(self._loaded.values())), "")

    def loaded(self, device: int) -> str:
        """The name of the checkpoint that a device has; empty if none."""
        return self._loaded.get(device, "")

    @property
    def card(self) -> WorkerCard | None:
        """What the engine last said about itself."""
        return self._card

    def view(self, owner: str) -> JobView | None:
        """The owner's running job, if any; of several the one that began first."""
        return next((view for view in self.views() if view.job.owner == owner), None)

    def view_of(self, job_id: str) -> JobView | None:
        """How far a job is; None if it does not run."""
        with self._lock:
            return self._views.get(job_id)

    def views(self) -> tuple[JobView, ...]:
        """Everybody's running jobs, in the order in which they began."""
        with self._lock:
            return tuple(self._views.values())

    def worker_is(self, status: WorkerStatus, device: int = 0) -> None:
        with self._lock:
            self._workers[device] = status
            if status.state == "restarting":
                self._has(device, "")
            self._ring()

    def begin(self, job: Job, offset: int) -> None:
        """A worker takes the job; `offset` of its pictures are there already."""
        message = f"{job.error} Trying once more." if job.error else ""
        with self._lock:
            self._set(JobView(job, offset, picture=offset + 1, steps=getattr(job.request, "steps", 0), message=message))

    def follow(self, event: Loading | Loaded | Described | Stepped | Shown, device: int = 0) -> None:
        """What a worker says while it works: bytes of a checkpoint are news for everybody, the rest for the owner."""
        with self._lock:
            match event:
                case Loading():
                    message, before = _loading(event), self._workers.get(device, WorkerStatus())
                    self._workers[device] = replace(before, message=message, done=event.done, total=event.total)
                    self._ring()
                case Loaded():
                    self._workers[device] = WorkerStatus(self._workers.get(device, WorkerStatus()).state)
                    self._has(device, event.card.name)
                    self._ring()
                case Described():
                    self._card = event.card
                    self._has(device, event.card.loaded)
                    self._ring()
                case Shown():
                    if shown := self._views.get(event.task):
                        self._set(replace(shown, frame=event.frame, n=shown.n + 1))
                case Stepped():
                    view = self._views.get(event.task)
                    if view is not None:  # else it was stopped, and this is its last step
                        self._set(view := view.after(event))
                        if event.frame:
                            self.films.add(event.task, Shot(view.picture - 1, event.frame))

    def end(self, job_id: str) -> None:
        """The job does not run any more."""
        with self._lock:
            self._views.pop(job_id, None)
            self._ring()

    def changed(self) -> None:
        """Something in the queue or the gallery is new."""
        with self._lock:
            self._ring()

    @contextmanager
    def attach(self, owner: str, everybody: bool = False) -> Iterator[Subscription]:
        """A bell for one watcher; call it inside a running asyncio loop. everybody: hears of all owners' jobs."""
        subscription = Subscription(owner, everybody, closed=self._closed)
        with self._lock:
            self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Send everybody home."""
        with self._lock:
            self._closed = True
            for subscription in self._subscriptions:
                subscription.closed = True
            self._ring()

    def _has(self, device: int, checkpoint: str) -> None:
        self._loaded.pop(device, None)
        self._loaded[device] = checkpoint

    def _set(self, view: JobView) -> None:
        self._views[view.job.id] = view
        self._ring(view.job.owner)

    def _ring(self, owner: str = "") -> None:
        for subscription in self._subscriptions:
            if not owner or subscription.everybody or subscription.owner == owner:
                subscription.ring()
