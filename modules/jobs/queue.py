"""Jobs go in and come out. Every change is in the journal before anybody is told; `turns.py` says who is next."""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import suppress

from modules.core.errors import CannotSave, QueueFull
from modules.core.requests import AnyRequest
from modules.jobs.job import Job, JobState
from modules.jobs.journal import EVERYBODY, Journal
from modules.jobs.turns import Turns, lines

REMEMBERED = 1000  # jobs whose device is known


class JobQueue:
    """People take turns (`turns.py`); each may move their own jobs. A dispatcher, one for each device, takes a job and
    says how it ended. The rest may be called by any thread.
    """

    def __init__(self, journal: Journal, limit: int) -> None:
        """limit: waiting jobs one owner may have."""
        self.journal = journal
        self.limit = limit
        self._changed = threading.Condition()
        self._turns = Turns()
        self._free: dict[int, str] = {}  # devices that wait for a job -> their checkpoint
        self._running: dict[str, int] = {}  # job -> device
        self._made: dict[str, int] = {}  # the last jobs -> the device that had them
        self._loaded: dict[int, str] = {}  # device -> its checkpoint, when it last asked for a job
        self._endings: list[tuple[str, JobState, str, str]] = []  # not yet in the journal
        self._closed = False
        self._interrupts = 0
        self._heard: dict[int, int] = {}  # device -> how many of them it has heard
        journal.recover()

    def put(self, request: AnyRequest, owner: str) -> Job:
        """Accept a job. Raises QueueFull, CannotSave."""
        with self._changed:
            if sum(job.owner == owner for job in self.journal.waiting()) >= self.limit:
                advice = "wait until one is done, or cancel some"
                raise QueueFull(f"{self.limit} jobs are waiting already, and no more are allowed", advice)
            job = self.journal.add(request, owner)
            self._changed.notify_all()
        return job

    def take(
        self, device: int = 0, loaded: str = "", patience: float | None = None, job_first: bool = False
    ) -> Job | None:
        """The next job for a device, now running; waits for one, at most `patience` seconds.

        None after that, or when the queue is closed or was interrupted. loaded: the checkpoint the device has.
        job_first: a job that waits comes before an interruption. Raises CannotSave.
        """
        with self._changed:
            self._loaded[device] = loaded
            while not self._closed:
                self._write_endings()
                if self._heard.get(device, 0) < self._interrupts and not job_first:
                    self._heard[device] = self._interrupts
                    return None
                job_first = False
                elsewhere = {checkpoint for other, checkpoint in self._free.items() if other != device}
                if job := self._begin(loaded, elsewhere):
                    self._running[job.id] = device
                    self._remember(job.id, device)
                    return job
                if self._heard.get(device, 0) < self._interrupts:
                    continue
                self._free[device] = loaded
                try:
                    if not self._changed.wait(patience):
                        return None
                finally:
                    del self._free[device]
        return None

    def _begin(self, loaded: str, elsewhere: Collection[str]) -> Job | None:
        paused = self.journal.paused()
        if EVERYBODY in paused:
            return None
        return self.journal.begin_next(lambda waiting: self._turns.take(lines(waiting, paused), loaded, elsewhere))

    def _remember(self, job_id: str, device: int) -> None:
        self._made[job_id] = device
        while len(self._made) > REMEMBERED:
            del self._made[next(iter(self._made))]

    def in_order(self, loaded: str) -> list[Job]:
        """The waiting jobs as they will be made, as far as is known now; without those that rest."""
        with self._changed:
            paused = self.journal.paused()
            waiting = () if EVERYBODY in paused else self.journal.waiting()
            return self._turns.in_order(lines(waiting, paused), loaded)

    def pause(self, owner: str, rest: bool) -> None:
        """Let the waiting jobs of somebody rest, or go on. EVERYBODY: all. Raises CannotSave."""
        with self._changed:
            self.journal.pause(owner, rest)
            self._changed.notify_all()

    def device_of(self, job_id: str) -> int | None:
        """Which device makes this job; None if none does."""
        return self._running.get(job_id)

    def device_for(self, job_id: str, checkpoint: str = "") -> int:
        """Which device to ask about a job, or for a checkpoint: the one that had the job, else the one that has the
        checkpoint, else one that is free."""
        with self._changed:
            if job_id in self._made:
                return self._made[job_id]
            having = [device for device, loaded in self._loaded.items() if checkpoint and loaded == checkpoint]
            return min(having or list(self._free) or [0])

    def interrupt(self) -> None:
        """Let whoever takes jobs look after something else before the next one."""
        with self._changed:
            self._interrupts += 1
            self._changed.notify_all()

    def cancel(self, job_id: str, owner: str) -> bool:
        """End a waiting or running job; one that has ended stays as it is. Raises NotThere, CannotSave.

        Returns whether it was running, so that its worker can be told.
        """
        with self._changed:
            self.journal.get(job_id, owner)
            self.journal.cancel(job_id)
            was_running = job_id in self._running
            self._running.pop(job_id, None)
        return was_running

    def retract(self, job_id: str, owner: str) -> bool:
        """End a job and strike it from the list: another one has taken its place. As `cancel` otherwise."""
        with self._changed:
            self.journal.get(job_id, owner)
            self.journal.forget(job_id)
            was_running = job_id in self._running
            self._running.pop(job_id, None)
        return was_running

    def move(self, job_id: str, owner: str, before: str | None) -> None:
        """Put a waiting job before another of the same owner, or last. Raises NotThere, BadRequest, CannotSave."""
        with self._changed:
            self.journal.move(job_id, owner, before)

    def end(self, job_id: str, state: JobState, error: str = "", advice: str = "") -> None:
        """How a taken job ended. Raises CannotSave; it is then written before the next job is taken."""
        with self._changed:
            self._running.pop(job_id, None)
            self._endings.append((job_id, state, error, advice))
            self._write_endings()

    def _write_endings(self) -> None:
        while self._endings:
            self.journal.end(*self._endings[0])
            del self._endings[0]

    def give_back(self, job_id: str, reason: str) -> None:
        """The worker was lost while it made this job: it waits again in its old place, but only once."""
        with self._changed:
            self._running.pop(job_id, None)
            self.journal.give_back(job_id, reason)
            self._changed.notify_all()

    def is_running(self, job_id: str) -> bool:
        """Whether a taken job is still wanted."""
        return job_id in self._running

    def close(self) -> None:
        """Running jobs wait for the next start; `take` returns None from now on."""
        with self._changed:
            self._closed = True
            self._running.clear()
            self._changed.notify_all()
            with suppress(CannotSave):  # the next start then finds them running
                self.journal.release()
