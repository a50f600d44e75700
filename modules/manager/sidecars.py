"""What people keep with a model file: notes, words that wake a LoRA, a preview picture. In A1111's form.

`<stem>.json` and `<stem>.preview.png` beside the file; where that folder is read-only, in the data folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modules.core.errors import BadRequest
from modules.core.paths import write_atomically

KEYS = {"notes": "notes", "description": "description", "words": "activation text"}  # ours -> A1111's
PICTURES = (".preview.png", ".png", ".preview.jpg", ".jpg", ".preview.jpeg", ".jpeg", ".preview.webp", ".webp")
MAX_BYTES = 2**20  # of a sidecar
MAX_TEXT = 20_000  # characters of a note


@dataclass(frozen=True)
class Notes:
    """words: what to write into the prompt. picture: None if there is none."""

    notes: str = ""
    description: str = ""
    words: str = ""
    picture: Path | None = None


class Sidecars:
    """folder: where they are kept for files in folders that cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: Path) -> Notes:
        """Of a model file or folder. What cannot be read is as if it were not there."""
        found: dict[str, str] = {}
        for file in (self._beside(path, ".json"), self._apart(path, ".json")):
            values = read_values(file)
            found |= {ours: str(values[theirs]) for ours, theirs in KEYS.items() if isinstance(values.get(theirs), str)}
        pictures = [self._apart(path, PICTURES[0]), *(self._beside(path, suffix) for suffix in PICTURES)]
        return Notes(**found, picture=next((file for file in pictures if file.is_file()), None))

    def write(self, path: Path, changes: Mapping[str, str]) -> None:
        """Keep some of `notes`, `description`, `words`; the rest of the file stays. Raises BadRequest, CannotSave."""
        if unknown := changes.keys() - KEYS:
            raise BadRequest(f"a model has no {min(unknown)!r:.80}", f"known: {', '.join(KEYS)}")
        if long := [name for name, text in changes.items() if len(text) > MAX_TEXT]:
            raise BadRequest(f"the {long[0]} may have at most {MAX_TEXT:,} characters")
        file = self._writable(path, ".json")
        if not (before := read_values(file)) and file.exists() and file.stat().st_size > len("{}\n"):
            raise BadRequest(f"{file.name} is there already and cannot be read", "mend it, or move it away first")
        values = before | {KEYS[name]: text for name, text in changes.items()}
        write_atomically(file, json.dumps(values, ensure_ascii=False, indent=4).encode())

    def write_picture(self, path: Path, png: bytes) -> None:
        """Raises CannotSave."""
        write_atomically(self._writable(path, PICTURES[0]), png)

    def _writable(self, path: Path, suffix: str) -> Path:
        apart = self._apart(path, suffix)
        return self._beside(path, suffix) if os.access(path.parent, os.W_OK) and not apart.exists() else apart

    def _beside(self, path: Path, suffix: str) -> Path:
        return path.with_name(f"{path.name if path.is_dir() else path.stem}{suffix}")

    def _apart(self, path: Path, suffix: str) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:24]}{suffix}"


def read_values(file: Path) -> dict[str, object]:
    """What a `<stem>.json` says; nothing if there is none that can be read."""
    try:
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            return {}
        values = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
