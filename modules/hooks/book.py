"""What is remembered of extensions between two starts: which are off and why, and the values of their settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from modules.core.errors import BadSetting
from modules.core.paths import write_atomically


class Book:
    """One JSON file: {"off": {name: reason}, "settings": {name: {setting: value}}}. Raises BadSetting, CannotSave."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        try:
            known = json.loads(path.read_bytes())
        except FileNotFoundError:
            known = {}
        except (OSError, ValueError) as error:
            raise BadSetting(f"{path} cannot be read: {error}", "move it away to begin anew") from error
        self._off: dict[str, str] = known.get("off", {})
        self._settings: dict[str, dict[str, Any]] = known.get("settings", {})

    @property
    def off(self) -> Mapping[str, str]:
        """Extensions that are not wanted -> why: empty where a person said so."""
        return dict(self._off)

    def settings(self, name: str) -> Mapping[str, Any]:
        """What was chosen for an extension, where that is not the default."""
        return dict(self._settings.get(name, {}))

    def switch(self, name: str, on: bool, why: str = "") -> None:
        with self._lock:
            self._off = {key: reason for key, reason in self._off.items() if key != name} | ({} if on else {name: why})
            self._write()

    def set(self, name: str, values: Mapping[str, Any]) -> None:
        """All settings of an extension that differ from the default."""
        with self._lock:
            others = {key: known for key, known in self._settings.items() if key != name}
            self._settings = others | ({name: dict(values)} if values else {})
            self._write()

    def _write(self) -> None:
        write_atomically(self._path, json.dumps({"off": self._off, "settings": self._settings}, indent=1).encode())
