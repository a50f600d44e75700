"""Jobs on disk. What was accepted is there after a crash; how a job ended is written once."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from modules.core.errors import BadRequest, BadSetting, CannotSave, NotThere
from modules.core.requests import REQUEST, AnyRequest
from modules.jobs.job import MAX_ATTEMPTS, Job, JobState

MIGRATIONS = (  # number n brings a journal from version n to n + 1; never change one that was released
    """
    CREATE TABLE job (
        number INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of arrival
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        request TEXT NOT NULL,  -- JSON
        state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
        attempts INTEGER NOT NULL DEFAULT 0,
        created REAL NOT NULL,
        ended REAL,
        error TEXT NOT NULL DEFAULT '',
        advice TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX job_by_state ON job (state, number);
    CREATE INDEX job_by_end ON job (owner, ended);
    """,
    """
    ALTER TABLE job ADD COLUMN place INTEGER NOT NULL DEFAULT 0;  -- in the line of waiting jobs
    UPDATE job SET place = number;
    DROP INDEX job_by_state;
    CREATE INDEX job_by_state ON job (state, place);
    """,
)

COLUMNS = "id, owner, request, attempts, created, state, error, advice"


class Journal:
    """One SQLite file, one connection, any thread. A second server on the same file is refused."""

    def __init__(self, path: Path) -> None:
        """Raises BadSetting if the file cannot be used, is in use, or was written by a newer Taffy."""
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=2, isolation_level=None, check_same_thread=False)
            self._open(path)
        except (OSError, sqlite3.Error) as error:
            raise BadSetting(
                f"the list of jobs {path} cannot be used: {error}",
                "is another Taffy running with this data folder? Close it, or choose another --data-dir",
            ) from error

    def _open(self, path: Path) -> None:
        # Held until the process ends, however it ends: two servers would make each other's jobs twice.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise BadSetting(
                f"{path} was written by a newer Taffy (version {version}, this one knows {len(MIGRATIONS)})",
                "update Taffy, or choose another --data-dir",
            )
        for number in range(version, len(MIGRATIONS)):
            self._db.executescript(f"BEGIN; {MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction. Raises CannotSave, and then nothing has changed."""
        with self._lock:
            try:
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    yield self._db
            except sqlite3.Error as error:
                raise CannotSave(f"the list of jobs could not be written: {error}", "is the disk full?") from error

    def _read(self, where: str, *values: object) -> tuple[Job, ...]:
        with self._lock:
            rows = self._db.execute(f"SELECT {COLUMNS} FROM job WHERE {where}", values).fetchall()
        return tuple(Job(row[0], row[1], REQUEST.validate_json(row[2]), *row[3:]) for row in rows)

    def add(self, request: AnyRequest, owner: str) -> Job:
        """A new waiting job, on disk when this returns."""
        job = Job(secrets.token_urlsafe(16), owner, request, attempts=0, created=time.time())
        with self._writing() as db:
            db.execute(
                "INSERT INTO job (id, owner, request, state, created, place)"
                " SELECT ?, ?, ?, ?, ?, COALESCE(MAX(place), 0) + 1 FROM job",
                (job.id, owner, REQUEST.dump_json(request).decode(), job.state, job.created),
            )
        return job

    def get(self, job_id: str, owner: str) -> Job:
        """Raises NotThere for an unknown id and for somebody else's."""
        for job in self._read("id = ? AND owner = ?", job_id, owner):
            return job
        raise NotThere(f"there is no job {job_id[:40]!r}")

    def is_new(self) -> bool:
        """Whether no job was ever put in."""
        return not self._read("TRUE LIMIT 1")

    def waiting(self) -> tuple[Job, ...]:
        """Everybody's waiting jobs in the order they will run."""
        return self._read("state = 'waiting' ORDER BY place")

    def unended(self) -> tuple[Job, ...]:
        """Everybody's waiting and running jobs."""
        return self._read("state IN ('waiting', 'running')")

    def recent(self, owner: str, count: int) -> tuple[Job, ...]:
        """The last jobs that ended, newest first."""
        return self._read("owner = ? AND ended IS NOT NULL ORDER BY ended DESC, number DESC LIMIT ?", owner, count)

    def ended(self, owner: str, count: int, before: str = "", since: float = 0.0) -> tuple[Job, ...]:
        """Jobs that ended, newest first: those before the job with this id, and not before `since` (seconds)."""
        place = "AND (ended, number) < (SELECT ended, number FROM job WHERE id = ?)" if before else ""
        where = f"owner = ? AND ended >= ? {place} ORDER BY ended DESC, number DESC LIMIT ?"
        return self._read(where, owner, since, *([before] if before else []), count)

    def begin_next(self) -> Job | None:
        """The first waiting job, now running and one attempt older."""
        with self._writing() as db:
            for job in self._read("state = 'waiting' ORDER BY place LIMIT 1"):
                begun = replace(job, state="running", attempts=job.attempts + 1)
                db.execute("UPDATE job SET state = ?, attempts = ? WHERE id = ?", (begun.state, begun.attempts, job.id))
                return begun
        return None

    def move(self, job_id: str, owner: str, before: str | None) -> None:
        """Put a waiting job before another of the same owner, or last; jobs of others keep their places.

        Raises NotThere, BadRequest if one of them does not wait any more, CannotSave.
        """
        with self._writing() as db:
            rows = db.execute(
                "SELECT id, place FROM job WHERE state = 'waiting' AND owner = ? ORDER BY place", (owner,)
            ).fetchall()
            order, places = [id for id, _ in rows], [place for _, place in rows]
            for id in {job_id, before} - {None, *order}:
                self.get(str(id), owner)
                raise BadRequest("this job does not wait any more, so it cannot be moved")
            if job_id == before:
                return
            order.remove(job_id)
            order.insert(order.index(before) if before else len(order), job_id)
            db.executemany("UPDATE job SET place = ? WHERE id = ?", zip(places, order, strict=True))

    def end(self, job_id: str, state: JobState, error: str = "", advice: str = "") -> None:
        """How a running job ended. The first ending stands: later ones change nothing."""
        self._end(job_id, state, error, advice, "running")

    def cancel(self, job_id: str) -> None:
        """End a waiting or running job because somebody asked."""
        self._end(job_id, "cancelled", "", "", "waiting", "running")

    def _end(self, job_id: str, state: JobState, error: str, advice: str, *states: JobState) -> None:
        with self._writing() as db:
            db.execute(
                "UPDATE job SET state = ?, error = ?, advice = ?, ended = ?"
                f" WHERE id = ? AND state IN ({', '.join('?' * len(states))})",
                (state, error, advice, time.time(), job_id, *states),
            )

    def forget(self, job_id: str) -> None:
        """Strike a job from the list, whatever its state. Pictures that it made stay in the gallery."""
        with self._writing() as db:
            db.execute("DELETE FROM job WHERE id = ?", (job_id,))

    def give_back(self, job_id: str, reason: str) -> None:
        """A running job was lost with its worker or its server: it waits again in its old place, but only once."""
        with self._writing() as db:
            db.execute(
                "UPDATE job SET state = 'waiting', error = ? WHERE id = ? AND state = 'running' AND attempts < ?",
                (reason, job_id, MAX_ATTEMPTS),
            )
            db.execute(
                "UPDATE job SET state = 'failed', error = ?, ended = ? WHERE id = ? AND state = 'running'",
                (f"Tried {MAX_ATTEMPTS} times. {reason}", time.time(), job_id),
            )

    def release(self) -> None:
        """The server is about to stop in good order: running jobs wait again, as if they had not been begun."""
        with self._writing() as db:
            db.execute("UPDATE job SET state = 'waiting', attempts = attempts - 1 WHERE state = 'running'")

    def recover(self) -> None:
        """After a crash: jobs that were running are given back."""
        for job in self._read("state = 'running'"):
            self.give_back(job.id, "The server stopped while this job was running.")
