"""Whose turn it is. Every change is in the journal before anybody is told."""

from __future__ import annotations

import threading
from contextlib import suppress

from modules.core.errors import CannotSave, QueueFull
from modules.core.requests import AnyRequest
from modules.jobs.job import Job, JobState
from modules.jobs.journal import Journal


class JobQueue:
    """First come, first served, and owners may move their own. A dispatcher takes a job, and says how it ended.

    The rest may be called by any thread.
    """

    def __init__(self, journal: Journal, limit: int) -> None:
        """limit: waiting jobs one owner may have."""
        self.journal = journal
        self.limit = limit
        self._changed = threading.Condition()
        self._running: set[str] = set()
        self._endings: list[tuple[str, JobState, str, str]] = []  # not yet in the journal
        self._closed = False
        self._interrupted = False
        journal.recover()

    def put(self, request: AnyRequest, owner: str) -> Job:
        """Accept a job. Raises QueueFull, CannotSave."""
        with self._changed:
            if sum(job.owner == owner for job in self.journal.waiting()) >= self.limit:
                advice = "wait until one is done, or cancel some"
                raise QueueFull(f"{self.limit} jobs are waiting already, and no more are allowed", advice)
            job = self.journal.add(request, owner)
            self._changed.notify()
        return job

    def take(self, patience: float | None = None) -> Job | None:
        """The next job, now running; waits for one, at most `patience` seconds.

        None after that, or when the queue is closed or was interrupted. Raises CannotSave.
        """
        with self._changed:
            while not self._closed:
                self._write_endings()
                if self._interrupted:
                    self._interrupted = False
                    return None
                job = self.journal.begin_next()
                if job is not None:
                    self._running.add(job.id)
                    return job
                if not self._changed.wait(patience):
                    return None
        return None

    def interrupt(self) -> None:
        """Let whoever takes jobs look after something else before the next one."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def cancel(self, job_id: str, owner: str) -> bool:
        """End a waiting or running job; one that has ended stays as it is. Raises NotThere, CannotSave.

        Returns whether it was running, so that its worker can be told.
        """
        with self._changed:
            self.journal.get(job_id, owner)
            self.journal.cancel(job_id)
            was_running = job_id in self._running
            self._running.discard(job_id)
        return was_running

    def retract(self, job_id: str, owner: str) -> bool:
        """End a job and strike it from the list: another one has taken its place. As `cancel` otherwise."""
        with self._changed:
            self.journal.get(job_id, owner)
            self.journal.forget(job_id)
            was_running = job_id in self._running
            self._running.discard(job_id)
        return was_running

    def move(self, job_id: str, owner: str, before: str | None) -> None:
        """Put a waiting job before another of the same owner, or last. Raises NotThere, BadRequest, CannotSave."""
        with self._changed:
            self.journal.move(job_id, owner, before)

    def end(self, job_id: str, state: JobState, error: str = "", advice: str = "") -> None:
        """How a taken job ended. Raises CannotSave; it is then written before the next job is taken."""
        with self._changed:
            self._running.discard(job_id)
            self._endings.append((job_id, state, error, advice))
            self._write_endings()

    def _write_endings(self) -> None:
        while self._endings:
            self.journal.end(*self._endings[0])
            del self._endings[0]

    def give_back(self, job_id: str, reason: str) -> None:
        """The worker was lost while it made this job: it waits again in its old place, but only once."""
        with self._changed:
            self._running.discard(job_id)
            self.journal.give_back(job_id, reason)
            self._changed.notify()

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
