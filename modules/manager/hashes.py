"""The sha256 of a checkpoint's file and A1111's short form of it (10 digits), computed once, in the background."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

from modules.core.errors import CannotSave
from modules.core.paths import real, write_atomically

DIGITS = 10
Act = Callable[[str], object]
log = logging.getLogger(__name__)


class Hashes:
    """Known hashes, kept in `folder`, one small file each; several processes may share it.

    A hash is known for a path with the size and modification time it had when it was read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked: set[Path] = set()
        self._waiting: SimpleQueue[tuple[Path, Act | None]] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None

    def known(self, path: Path) -> str | None:
        """The short hash if it has been computed for the file as it is now."""
        whole = self.whole(path)
        return whole and whole[:DIGITS]

    def whole(self, path: Path) -> str | None:
        """All 64 digits, if they have been computed for the file as it is now."""
        try:
            record = json.loads(self._file(path).read_bytes())
            return str(record["sha256"]) if record["of"] == _state(path) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def ask(self, path: Path) -> None:
        """Have it computed in the background, unless it is known. Folders have none."""
        if path.is_file() and not self.whole(path):
            self._put(path, None)

    def after(self, path: Path, act: Act) -> None:
        """Have `act(whole hash)` called in the background, as soon as the hash is known. Folders have none."""
        if path.is_file():
            self._put(path, act)

    def compute(self, path: Path) -> str | None:
        """Read the whole file and remember its hash; None if it changed meanwhile or cannot be read."""
        try:
            before = _state(path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if _state(path) != before:
                return None
            write_atomically(self._file(path), json.dumps({"of": before, "sha256": digest}).encode())
        except (OSError, CannotSave) as error:
            log.warning("no hash of %s: %s", path.name, error)
            return None
        return digest[:DIGITS]

    def _put(self, path: Path, act: Act | None) -> None:
        with self._lock:
            if act is None and path in self._asked:
                return
            self._asked.add(path)
            self._waiting.put((path, act))
            if self._thread is None:
                self._thread = Thread(target=self._work, name="hashes", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            path, act = self._waiting.get()
            if not self.whole(path):
                self.compute(path)
            with self._lock:
                self._asked.discard(path)
            if act and (digest := self.whole(path)):
                act(digest)

    def _file(self, path: Path) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(real(path))).hexdigest()[:24]}.json"


def _state(path: Path) -> list[str | int]:
    """What must be the same for a hash to hold."""
    found = path.stat()
    return [str(real(path)), found.st_size, found.st_mtime_ns]
