"""Where files may be. `contained` resolves first and checks then; writes are atomic."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

from modules.core.errors import CannotSave, NotThere


def contained(root: Path, name: str) -> Path:
    """The file called `name` below `root`, symbolic links followed. Raises NotThere if it would lie outside."""
    nowhere = NotThere(f"there is no file called {name!r}")
    if not name or "\0" in name or "\\" in name or ":" in name:
        raise nowhere
    try:
        base = root.resolve()
        path = (base / name).resolve()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.lstat()  # what is too long for the disk is told here, and not by whoever looks for the file
    except (ValueError, OSError, RuntimeError) as error:  # lone surrogates, names too long, links in a circle
        raise nowhere from error
    if path == base or not path.is_relative_to(base):
        raise nowhere
    return path


def real(path: Path) -> Path:
    """Where links lead; the path itself for a link that leads in a circle."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def readable(name: str) -> str:
    """A file's name as text that can be sent and kept: bytes that are no UTF-8 become "?"."""
    return name.encode(errors="replace").decode()


def write_atomically(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write, fsync, rename: readers see the old file or the whole new one. Raises CannotSave and leaves nothing.

    mode: who may read it, from the first byte on; the system's umask takes from it.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb", opener=partial(os.open, mode=mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise CannotSave(
            f"{path.name} could not be saved: {error.strerror or error}", "free some disk space?"
        ) from error
