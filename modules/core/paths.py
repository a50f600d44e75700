"""Where files may be. `contained` resolves first and checks then; writes are atomic."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from modules.core.errors import CannotSave, NotThere


def contained(root: Path, name: str) -> Path:
    """The file called `name` below `root`, symbolic links followed. Raises NotThere if it would lie outside."""
    if not name or "\0" in name or "\\" in name or ":" in name:
        raise NotThere(f"there is no file called {name!r}")
    base = root.resolve()
    path = (base / name).resolve()
    if path == base or not path.is_relative_to(base):
        raise NotThere(f"there is no file called {name!r}")
    return path


def write_atomically(path: Path, content: bytes) -> None:
    """Write, fsync, rename: readers see the old file or the whole new one. Raises CannotSave and leaves nothing."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CannotSave(
            f"{path.name} could not be saved: {error.strerror or error}", "free some disk space?"
        ) from error
