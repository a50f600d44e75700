"""The list of pictures: one SQLite table. Knows nothing of files and nothing of how pictures are made."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modules.core.database import check, is_broken, migrate, salvage, set_aside
from modules.core.errors import CannotSave
from modules.core.requests import AnyRequest
from modules.gallery.metadata import request_from_json, request_to_json

MIGRATIONS = (  # number n brings a list from version n to n + 1; never change one that was released
    """
CREATE TABLE IF NOT EXISTS pictures (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL, idx INTEGER NOT NULL,
    owner TEXT NOT NULL, path TEXT NOT NULL UNIQUE, width INTEGER NOT NULL, height INTEGER NOT NULL,
    seed INTEGER NOT NULL, infotext TEXT NOT NULL, created REAL NOT NULL, request TEXT NOT NULL,
    on_disk INTEGER NOT NULL,  -- 0 while the file is being written
    UNIQUE (job_id, idx)
);
CREATE INDEX IF NOT EXISTS pictures_of_owner ON pictures (owner, on_disk);
""",
    """
CREATE INDEX IF NOT EXISTS pictures_of_parent ON pictures (json_extract(request, '$.parent'))
    WHERE json_extract(request, '$.parent') <> '';
""",
)
INSERT = """
INSERT INTO pictures (id, job_id, idx, owner, path, width, height, seed, infotext, created, request, on_disk)
VALUES (:id, :job_id, :index, :owner, :path, :width, :height, :seed, :infotext, :created, :request, 0)
"""
SELECT = """
SELECT id, job_id, idx AS "index", owner, path, width, height, seed, infotext, created, request FROM pictures WHERE
"""

_IDS = re.compile(r'"([\w-]{20,64})"')


@dataclass(frozen=True)
class Saved:
    """A picture in the gallery.

    id: unguessable. index: of the picture in its job, from 0. path: of the file, relative to the gallery's folder.
    created: seconds since 1970. request: makes exactly this picture again.
    """

    id: str
    job_id: str
    index: int
    owner: str
    path: str
    width: int
    height: int
    seed: int
    infotext: str
    created: float
    request: AnyRequest

    @property
    def name(self) -> str:
        """The file's name."""
        return PurePosixPath(self.path).name


class Store:
    """The table behind one connection and one lock: safe to use from many threads. Raises CannotSave."""

    def __init__(self, database: Path) -> None:
        """A damaged file is set `aside`; the rows it still gives out go into a new one."""
        self._lock = threading.RLock()
        self._database = database
        self.aside: Path | None = None
        with _refusals(database):
            database.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                if not is_broken(error):
                    raise
                self._rebuild()

    def _open(self) -> None:
        database = self._database
        self._connection = sqlite3.connect(database, timeout=5, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        check(self._connection)
        migrate(self._connection, database, MIGRATIONS)

    def _rebuild(self) -> None:
        self._connection.close()
        self.aside = set_aside(self._database)
        self._open()
        for row in salvage(self.aside, "pictures"):
            names = ", ".join(row)
            marks = ", ".join("?" * len(row))
            self._connection.execute(f"INSERT OR IGNORE INTO pictures ({names}) VALUES ({marks})", [*row.values()])

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and no other writer in between, in this process or another one."""
        with self._lock, _refusals(self._database):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk ends it by itself
                    self._connection.execute("ROLLBACK")
                raise

    def add(self, saved: Saved) -> None:
        """List a picture whose file is about to be written; hidden until `complete`."""
        self._write("DELETE FROM pictures WHERE job_id = ? AND idx = ? AND on_disk = 0", (saved.job_id, saved.index))
        self._write(INSERT, {**vars(saved), "request": request_to_json(saved.request)})

    def complete(self, picture_id: str) -> None:
        self._write("UPDATE pictures SET on_disk = 1 WHERE id = ?", (picture_id,))

    def forget(self, picture_id: str) -> None:
        """Strike a picture whose file could not be written."""
        self._write("DELETE FROM pictures WHERE id = ? AND on_disk = 0", (picture_id,))

    def paths(self) -> set[str]:
        """Of all files that are listed."""
        with self._lock:
            return {path for (path,) in self._connection.execute("SELECT path FROM pictures")}

    def incomplete(self) -> tuple[Saved, ...]:
        return self._select("on_disk = 0")

    def get(self, picture_id: str, owner: str) -> Saved | None:
        return next(iter(self._select("on_disk = 1 AND id = ? AND owner = ?", picture_id, owner)), None)

    def owner_of(self, picture_id: str) -> str | None:
        with self._lock:
            row = self._connection.execute("SELECT owner FROM pictures WHERE id = ?", (picture_id,)).fetchone()
        return str(row["owner"]) if row else None

    def of_index(self, job_id: str, index: int) -> Saved | None:
        return next(iter(self._select("on_disk = 1 AND job_id = ? AND idx = ?", job_id, index)), None)

    def of_job(self, job_id: str, owner: str) -> tuple[Saved, ...]:
        return self._select("on_disk = 1 AND job_id = ? AND owner = ? ORDER BY idx", job_id, owner)

    def newest(self, owner: str, count: int) -> tuple[Saved, ...]:
        return self._select("on_disk = 1 AND owner = ? ORDER BY number DESC LIMIT ?", owner, count)

    def children(self, picture_id: str, owner: str, count: int) -> tuple[Saved, ...]:
        """Those made from a picture, oldest first."""
        made_from = "json_extract(request, '$.parent') <> '' AND json_extract(request, '$.parent') = ?"
        where = f"{made_from} AND on_disk = 1 AND owner = ? ORDER BY number LIMIT ?"
        return self._select(where, picture_id, owner, count)

    def mentioned(self, ids: Set[str]) -> set[str]:
        """Which of some ids stand in the request of any picture."""
        with self._lock:
            requests = self._connection.execute("SELECT request FROM pictures")
            return {id for (request,) in requests for id in ids & set(_IDS.findall(request))}

    def last_name(self, folder: str) -> str:
        """The last file name, in the order of letters, that was ever given in a folder; "" if none."""
        with self._lock:
            query = "SELECT max(path) FROM pictures WHERE path > ? AND path < ?"
            (path,) = self._connection.execute(query, (f"{folder}/", f"{folder}0")).fetchone()  # "0" follows "/"
        return PurePosixPath(path or "").name

    def _write(self, query: str, values: Sequence[str | int] | Mapping[str, object]) -> None:
        with self._lock, _refusals(self._database):
            self._connection.execute(query, values)

    def _select(self, condition: str, *values: str | int) -> tuple[Saved, ...]:
        with self._lock:
            rows = self._connection.execute(SELECT + condition, values).fetchall()
        return tuple(Saved(**{**dict(row), "request": request_from_json(row["request"])}) for row in rows)


@contextmanager
def _refusals(database: Path) -> Iterator[None]:
    """Errors of SQLite and of the disk as a sentence."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise CannotSave(
            f"the list of pictures, {database.name}, cannot be used: {error}", "free some disk space?"
        ) from error
