"""Jobs on disk. What was accepted is there after a crash; how a job ended is written once."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from modules.core.database import check, is_broken, migrate, salvage, set_aside
from modules.core.errors import BadRequest, BadSetting, CannotSave, NotThere
from modules.core.request import GenerationRequest
from modules.core.requests import REQUEST, AnyRequest, input_ids
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
    """
    ALTER TABLE job ADD COLUMN ending INTEGER;  -- in the order in which jobs ended, whatever the clock said
    UPDATE job SET ending = place_of.ending FROM (
        SELECT number AS one, ROW_NUMBER() OVER (ORDER BY ended, number) AS ending FROM job WHERE ended IS NOT NULL
    ) AS place_of WHERE number = one;
    DROP INDEX job_by_end;
    CREATE INDEX job_by_end ON job (owner, ending);
    CREATE INDEX job_by_ending ON job (ending);
    CREATE INDEX job_by_place ON job (place);
    CREATE TABLE paused (owner TEXT PRIMARY KEY);  -- whose jobs rest; '*' for everybody's
    """,
)

EVERYBODY = "*"
NEXT_ENDING = "(SELECT COALESCE(MAX(ending), 0) + 1 FROM job)"
COLUMNS = "id, owner, request, attempts, created, state, error, advice"


UNREADABLE = GenerationRequest(prompt="a job that cannot be read any more")
Choose = Callable[[Sequence[Job]], Job | None]


def first(waiting: Sequence[Job]) -> Job | None:
    return next(iter(waiting), None)


def read_request(text: str) -> AnyRequest:
    try:
        return REQUEST.validate_json(text)
    except ValueError:
        return UNREADABLE


class Journal:
    """One SQLite file, one connection, any thread. A second server on the same file is refused."""

    def __init__(self, path: Path) -> None:
        """Raises BadSetting if the file cannot be used, is in use, or was written by a newer Taffy.

        A damaged file is set aside, and what can still be read of it goes into a new one; `note` says so.
        """
        self.note = ""
        self._lock = threading.RLock()
        self._waiting: tuple[Job, ...] | None = None  # as on disk; None after a change
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._open(path)
            except sqlite3.DatabaseError as error:
                if not is_broken(error):
                    raise
                self._rebuild(path)
        except (OSError, sqlite3.Error) as error:
            raise BadSetting(
                f"the list of jobs {path} cannot be used: {error}",
                "is another Taffy running with this data folder? Close it, or choose another --data-dir",
            ) from error

    def _open(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=2, isolation_level=None, check_same_thread=False)
        # Held until the process ends, however it ends: two servers would make each other's jobs twice.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        check(self._db)
        migrate(self._db, path, MIGRATIONS)

    def _rebuild(self, path: Path) -> None:
        self._db.close()
        aside = set_aside(path)
        self._open(path)
        known = {str(row[1]) for row in self._db.execute("PRAGMA table_info(job)")}
        rows = salvage(aside, "job")
        for row in rows:
            names = sorted(row.keys() & known)
            marks = ", ".join("?" * len(names))
            values = [row[name] for name in names]
            self._db.execute(f"INSERT OR IGNORE INTO job ({', '.join(names)}) VALUES ({marks})", values)
        self.note = f"The list of jobs was damaged. {len(rows)} jobs could be read; the damaged file is {aside.name}."

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction. Raises CannotSave, and then nothing has changed."""
        with self._lock:
            self._waiting = None
            try:
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    yield self._db
            except sqlite3.Error as error:
                raise CannotSave(f"the list of jobs could not be written: {error}", "is the disk full?") from error

    def _read(self, where: str, *values: object) -> tuple[Job, ...]:
        with self._lock:
            rows = self._db.execute(f"SELECT {COLUMNS} FROM job WHERE {where}", values).fetchall()
        return tuple(Job(row[0], row[1], read_request(row[2]), *row[3:]) for row in rows)

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

    def adopt(self, request: AnyRequest, owner: str) -> Job:
        """A job that was done elsewhere."""
        job = Job(secrets.token_urlsafe(16), owner, request, attempts=1, created=time.time(), state="done")
        with self._writing() as db:
            db.execute(
                "INSERT INTO job (id, owner, request, state, attempts, created, ended, ending)"
                f" VALUES (?, ?, ?, 'done', 1, ?, ?, {NEXT_ENDING})",
                (job.id, owner, REQUEST.dump_json(request).decode(), job.created, job.created),
            )
        return job

    def get(self, job_id: str, owner: str) -> Job:
        """Raises NotThere for an unknown id and for somebody else's."""
        for job in self._read("id = ? AND owner = ?", job_id, owner):
            return job
        raise NotThere(f"there is no job {job_id[:40]!r}")

    def owner_of(self, job_id: str) -> str | None:
        """Whose job that is; None for an unknown id."""
        with self._lock:
            row = self._db.execute("SELECT owner FROM job WHERE id = ?", (job_id,)).fetchone()
        return str(row[0]) if row else None

    def is_new(self) -> bool:
        """Whether no job was ever put in."""
        return not self._read("TRUE LIMIT 1")

    def waiting(self) -> tuple[Job, ...]:
        """Everybody's waiting jobs in the order they will run."""
        with self._lock:
            if self._waiting is None:
                self._waiting = self._read("state = 'waiting' ORDER BY place")
            return self._waiting

    def unended(self) -> tuple[Job, ...]:
        """Everybody's waiting and running jobs."""
        return self._read("state IN ('waiting', 'running')")

    def inputs(self) -> set[str]:
        """Ids of the input pictures that those jobs need."""
        return {id for job in self.unended() for id in input_ids(job.request)}

    def recent(self, owner: str, count: int) -> tuple[Job, ...]:
        """The last jobs that ended, newest first."""
        return self._read("owner = ? AND ended IS NOT NULL ORDER BY ending DESC LIMIT ?", owner, count)

    def ended(self, owner: str, count: int, before: str = "", since: float = 0.0) -> tuple[Job, ...]:
        """Jobs that ended, newest first: those before the job with this id, and not before `since` (seconds)."""
        place = "AND ending < (SELECT ending FROM job WHERE id = ?)" if before else ""
        where = f"owner = ? AND ended >= ? {place} ORDER BY ending DESC LIMIT ?"
        return self._read(where, owner, since, *([before] if before else []), count)

    def begin_next(self, choose: Choose = first) -> Job | None:
        """The waiting job that `choose` picks, now running and one attempt older."""
        with self._lock:
            job = choose(self.waiting())
            if job is None:
                return None
            begun = replace(job, state="running", attempts=job.attempts + 1)
            with self._writing() as db:
                db.execute("UPDATE job SET state = ?, attempts = ? WHERE id = ?", (begun.state, begun.attempts, job.id))
        return begun

    def paused(self) -> frozenset[str]:
        """Whose jobs rest."""
        with self._lock:
            return frozenset(name for (name,) in self._db.execute("SELECT owner FROM paused"))

    def pause(self, owner: str, rest: bool) -> None:
        """Let somebody's jobs rest, or go on; also over a restart. EVERYBODY: all."""
        with self._writing() as db:
            if rest:
                db.execute("INSERT OR IGNORE INTO paused VALUES (?)", (owner,))
            else:
                db.execute("DELETE FROM paused WHERE owner = ?", (owner,))

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
                f"UPDATE job SET state = ?, error = ?, advice = ?, ended = ?, ending = {NEXT_ENDING}"
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
                f"UPDATE job SET state = 'failed', error = ?, ended = ?, ending = {NEXT_ENDING}"
                " WHERE id = ? AND state = 'running'",
                (f"Tried {MAX_ATTEMPTS} times. {reason}", time.time(), job_id),
            )

    def release(self) -> None:
        """The server is about to stop in good order: running jobs wait again, as if they had not been begun."""
        with self._writing() as db:
            db.execute("UPDATE job SET state = 'waiting', attempts = attempts - 1 WHERE state = 'running'")

    def recover(self) -> None:
        """After a crash: jobs that were running are given back. Those whose request this version cannot read fail."""
        for job in self._read("state IN ('waiting', 'running')"):
            if job.request == UNREADABLE:
                self._end(job.id, "failed", "This version of Taffy cannot read this job.", "", "waiting", "running")
        for job in self._read("state = 'running'"):
            self.give_back(job.id, "The server stopped while this job was running.")
