"""SQLite files that outlive versions and accidents: numbered migrations, a copy before each, and what is broken is
set aside instead of being written to."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from modules.core.errors import BadSetting

BROKEN = ("malformed", "not a database", "disk image")


def migrate(db: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Bring a database to the newest version; migration n leads from version n to n + 1.

    A copy of what was there is kept beside it, as <name>.version-<n>. Raises BadSetting if a newer Taffy wrote it,
    sqlite3.Error.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise BadSetting(
            f"{path} was written by a newer Taffy (version {version}, this one knows {len(migrations)})",
            "update Taffy, or choose another --data-dir",
        )
    if 0 < version < len(migrations):
        copy(db, path.with_name(f"{path.name}.version-{version}"))
    for number in range(version, len(migrations)):
        db.executescript(f"BEGIN; {migrations[number]} PRAGMA user_version = {number + 1}; COMMIT;")


def copy(db: sqlite3.Connection, to: Path) -> None:
    """A whole copy of a database, or none."""
    unfinished = to.with_name(f".{to.name}.tmp")
    unfinished.unlink(missing_ok=True)
    db.execute("VACUUM INTO ?", (str(unfinished),))
    unfinished.replace(to)


def check(db: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError if the file is damaged."""
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"database disk image is malformed: {found}")


def is_broken(error: Exception) -> bool:
    """Whether an error means that the file itself is damaged, and not that it is locked or the disk is full."""
    return isinstance(error, sqlite3.DatabaseError) and any(word in str(error) for word in BROKEN)


def set_aside(path: Path) -> Path:
    """Give a broken database, and what SQLite keeps beside it, another name; returns that. Raises OSError."""
    aside = path.with_name(f"{path.name}.broken-{datetime.now():%Y%m%d-%H%M%S}")
    number = 0
    while aside.exists():
        number += 1
        aside = aside.with_name(f"{aside.name.partition('_')[0]}_{number}")
    for ending in ("-wal", "-shm"):
        beside = path.with_name(path.name + ending)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + ending))
    path.replace(aside)
    return aside


def salvage(broken: Path, table: str) -> list[dict[str, object]]:
    """The rows of a table that a damaged file still gives out, read from both ends."""
    rows: dict[int, dict[str, object]] = {}
    for order in ("ASC", "DESC"):
        try:
            with closing(sqlite3.connect(f"{broken.absolute().as_uri()}?mode=ro", uri=True)) as db:
                db.row_factory = sqlite3.Row
                for row in db.execute(f"SELECT rowid AS at, * FROM {table} ORDER BY rowid {order}"):
                    found = dict(row)
                    rows[int(str(found.pop("at")))] = found
        except sqlite3.Error:
            continue
    return [rows[at] for at in sorted(rows)]
