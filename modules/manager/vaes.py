"""VAEs in files of their own: which there are, and which one a checkpoint gets (A1111's rules)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from modules.core.errors import BadSetting, UnknownName
from modules.core.paths import readable, real
from modules.families.header import PICKLES, refuse_pickle
from modules.manager.index import Entry
from modules.manager.places import places
from modules.manager.sidecars import read_values
from modules.manager.walk import files_below

SUFFIXES = PICKLES | {".safetensors"}
AUTOMATIC, BUILT_IN = "automatic", "built in"


class Vaes:
    """Files below `VAE`, and `<name>.vae.<suffix>` beside checkpoints, of several models folders."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def names(self) -> tuple[str, ...]:
        """Names of the files that can be used, for lists."""
        safe = (name for name, path in self.files().items() if path.suffix.lower() not in PICKLES)
        return tuple(sorted(safe, key=str.casefold))

    def choose(self, wanted: str, entry: Entry) -> Path | None:
        """The file whose VAE the checkpoint gets; None for its own. Raises UnknownName, UnsafeFile.

        wanted: "automatic" takes the file that the notes beside the checkpoint name under "vae", else the one that is
        called after the checkpoint, if there is one; "built in" none; else a file's name, with or without suffix, in
        any case; of a pickle that was converted the safe file.
        """
        files = self.files()
        if wanted == BUILT_IN:
            return None
        if wanted in {AUTOMATIC, ""}:
            return _automatic(entry, {name: path for name, path in files.items() if path.suffix.lower() not in PICKLES})
        named = [path for name, path in files.items() if wanted.casefold() in {name.casefold(), path.stem.casefold()}]
        twins = [path for path in files.values() if path.stem.casefold() == Path(wanted).stem.casefold()]
        for path in sorted([*named, *twins], key=lambda path: path.suffix.lower() in PICKLES):
            refuse_pickle(path)
            return path
        known = ", ".join([AUTOMATIC, BUILT_IN, *sorted(files)])
        raise UnknownName(f"there is no VAE called {wanted!r:.200}", f"known: {known:.1000}")

    def files(self) -> dict[str, Path]:
        """By file name; of two with one name the second is called by its folder too."""
        found: dict[str, Path] = {}
        for path in self._each():
            name = readable(path.name)
            found[name if name not in found else readable(f"{path.parent.name}/{path.name}")] = path
        return found

    def _each(self) -> Iterator[Path]:
        """Every file once."""
        seen: set[Path] = set()
        for models in self._folders:
            with suppress(BadSetting):  # said in the list of checkpoints
                for kind in ("vae", "checkpoint"):
                    for path in (path for root in places(models, kind) for path in files_below(root)):
                        beside = kind == "vae" or path.stem.lower().endswith(".vae")
                        if beside and path.suffix.lower() in SUFFIXES and (file := real(path)) not in seen:
                            seen.add(file)
                            yield path


def _automatic(entry: Entry, safe: Mapping[str, Path]) -> Path | None:
    """A1111's rules: its notes (`NAME.json`) before names. "None" there is the checkpoint's own."""
    stem = entry.path.name if entry.path.is_dir() else entry.path.stem
    said = read_values(entry.path.with_name(f"{stem}.json")).get("vae")
    if said == "None":
        return None
    if isinstance(said, str) and (found := safe.get(said) or safe.get(f"{Path(said).stem}.safetensors")):
        return found
    called = re.compile(rf"{re.escape(stem)}([ ._-]?vae.*)?\.safetensors", re.IGNORECASE)
    return next((path for name, path in sorted(safe.items()) if called.fullmatch(name)), None)
