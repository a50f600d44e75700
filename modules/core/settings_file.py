"""Settings that a person changes while Taffy runs: kept in the settings file, in use at once where that is possible.

The file holds only what differs from the defaults. It is written whole or not at all; comments in it are lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

from modules.core.errors import BadSetting
from modules.core.paths import write_atomically
from modules.core.settings import FILE, KEYS, SETTINGS, Given, Settings, read_file, value_of

AT_ONCE = (
    "ckpt",
    "preview",
    "queue_limit",
    "attention",
    "unload_after",
    "models_dirs",
)  # the others are built into parts that start with the program
WINNERS = ("flag", "environment")  # sources the file cannot change
FIXED = {
    "data_dir": "It says where the settings file is: start with --data-dir.",
    **dict.fromkeys(
        ("listen", "no_auth", "allow_hosts", "tls_cert", "tls_key"),
        "Who may come in is said at the computer that Taffy runs on: as a flag, or in the settings file.",
    ),
}


class SettingsBook:
    """now: what this run uses. `change` alters it and the file."""

    def __init__(self, settings: Settings) -> None:
        self.now = settings
        self.path = settings.data_dir / FILE
        self._lock = Lock()

    def after_restart(self, field: str) -> object:
        """What the next start uses if it is given the same flags and variables. Raises BadSetting: a broken file."""
        if self.now.sources.get(field) in WINNERS:
            return getattr(self.now, field)
        stored = read_file(self.path)
        return value_of(field, stored[field]) if field in stored else default_of(field)

    def change(self, changes: Mapping[str, object]) -> None:
        """Names as in the file -> new values, None for the default. All or none. Raises BadSetting, CannotSave."""
        with self._lock:  # what somebody else changes at the same moment stays
            self._change(changes)

    def _change(self, changes: Mapping[str, object]) -> None:
        stored = {field: given.value for field, given in read_file(self.path).items()}
        new = {}
        for key, value in changes.items():
            field = self._changeable(key)
            new[field] = default_of(field) if value in (None, "") else value_of(field, self._given(key, value))
            stored[field] = value if isinstance(value, list) else new[field]
            if new[field] == default_of(field):
                del stored[field]
        write_atomically(self.path, as_toml(stored))
        sources = {field: "file" if field in stored else "default" for field in new if field in AT_ONCE}
        values = {field: new[field] for field in sources}
        self.now = replace(self.now, **values, sources={**self.now.sources, **sources})  # type: ignore[arg-type]

    def _changeable(self, key: str) -> str:
        if key not in KEYS:
            raise BadSetting(f"there is no setting called {key!r:.80}", f"known: {', '.join(KEYS)}")
        field = KEYS[key]
        if field in FIXED:
            raise BadSetting(f"{key} cannot be changed here", FIXED[field])
        if (source := self.now.sources.get(field)) in WINNERS:
            raise BadSetting(f"{key} was given as a {source}, which wins over the file", "leave that out next time")
        return field

    def _given(self, key: str, value: object) -> Given:
        return Given("file", key, value, self.path.parent)


def default_of(field: str) -> object:
    return getattr(Settings, field)


def as_toml(values: Mapping[str, object]) -> bytes:
    """Fields with plain values as the file. Raises BadSetting for letters that no file can hold."""
    names = {field: key for key, field in KEYS.items()}
    lines = [f"{names[field]} = {_toml(values[field])}\n" for field in SETTINGS if field in values]
    try:
        return "".join(lines).encode()
    except UnicodeEncodeError as error:
        raise BadSetting(f"a setting has a letter that cannot be saved: {error.object[error.start]!r}") from error


def _toml(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_toml, value))}]"
    plain = str(value) if isinstance(value, Path) else value
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's texts, numbers, true are TOML's
