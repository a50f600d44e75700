"""What extensions keep with a job's record: a folder for each job, a file for each piece."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from modules.core.errors import BadRequest, NotThere
from modules.core.paths import contained, write_atomically
from modules.hooks import Piece

KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Attachments:
    """Pieces below `folder`, by job, extension and key (letters, digits, - and _). Knows no owners."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, job_id: str, extension: str, key: str, data: bytes) -> None:
        """Written whole or not at all; an earlier piece is replaced. Raises BadRequest, CannotSave."""
        write_atomically(self._path(job_id, extension, key), data)

    def get(self, job_id: str, extension: str, key: str) -> bytes:
        """Raises NotThere."""
        try:
            return self._path(job_id, extension, key).read_bytes()
        except OSError as error:
            raise NotThere(f"nothing called {key!r} was kept with this job") from error

    def keys(self, job_id: str, extension: str) -> tuple[str, ...]:
        """Of all pieces of an extension, in the order of letters."""
        folder = self._path(job_id, extension, "x").parent
        return tuple(sorted(file.name for file in folder.glob("[!.]*") if file.is_file()))

    def pieces(self, extension: str) -> tuple[Piece, ...]:
        """Of all jobs, oldest first."""
        found = []
        for file in self._folder.glob(f"*/{extension}/[!.]*"):
            with suppress(FileNotFoundError):  # thrown away meanwhile
                about = file.stat()
                found.append(Piece(file.parts[-3], file.name, about.st_size, about.st_mtime))
        return tuple(sorted(found, key=lambda piece: piece.kept))

    def forget(self, job_id: str, extension: str, key: str) -> None:
        """One that is not there is forgotten already."""
        self._path(job_id, extension, key).unlink(missing_ok=True)

    def _path(self, job_id: str, extension: str, key: str) -> Path:
        for part in (job_id, extension, key):
            if not KEY.fullmatch(part):
                raise BadRequest(f"a key has at most 80 letters, digits, - and _, got {part!r:.100}")
        return contained(self._folder, f"{job_id}/{extension}/{key}")
