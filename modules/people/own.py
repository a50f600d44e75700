"""Settings that each named user has for themselves: one small JSON file for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock

from modules.core.paths import write_atomically

PERSONAL = ("ckpt", "preview")  # fields of Settings that may differ from person to person


class OwnSettings:
    """Below `folder`. What somebody left open is not in their file. Any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()

    def of(self, name: str) -> dict[str, str]:
        """Field -> value; nothing for who never chose, or whose file is damaged."""
        with suppress(OSError, ValueError, AttributeError):
            kept = json.loads(self._path(name).read_text(encoding="utf-8"))
            return {field: kept[field] for field in PERSONAL if isinstance(kept.get(field), str)}
        return {}

    def change(self, name: str, changes: Mapping[str, str | None]) -> None:
        """Field -> value, or None to leave it open. Raises CannotSave."""
        with self._lock:  # two changes at the same moment are both kept
            values = {**self.of(name), **changes}
            kept = {field: value for field, value in values.items() if value}
            write_atomically(self._path(name), json.dumps(kept, indent=1).encode())

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
