"""VAEs in files of their own: which there are, and which one a checkpoint gets (A1111's rules)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modules.core.errors import UnknownName
from modules.families.header import PICKLES, refuse_pickle
from modules.manager.index import FOLDER, Entry

VAES = "VAE"
AUTOMATIC, BUILT_IN = "automatic", "built in"


class Vaes:
    """Files below `VAE`, and `<name>.vae.<suffix>` beside checkpoints, of several models folders."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    def names(self) -> tuple[str, ...]:
        """File names, for lists."""
        return tuple(sorted(self._files(), key=str.casefold))

    def choose(self, wanted: str, entry: Entry) -> Path | None:
        """The file whose VAE the checkpoint gets; None for its own. Raises UnknownName, UnsafeFile.

        wanted: "automatic" takes the file whose name begins with the checkpoint's, if there is one; "built in" none;
        else a file's name, with or without suffix, in any case.
        """
        files = self._files()
        if wanted == BUILT_IN:
            return None
        if wanted in {AUTOMATIC, ""}:
            stem = entry.path.name if entry.path.is_dir() else entry.path.stem
            safe = {name: path for name, path in files.items() if path.suffix.lower() not in PICKLES}
            return next((path for name, path in sorted(safe.items()) if name.startswith(f"{stem}.")), None)
        for name, path in files.items():
            if wanted.casefold() in {name.casefold(), path.stem.casefold()}:
                refuse_pickle(path)
                return path
        known = ", ".join([AUTOMATIC, BUILT_IN, *sorted(files)])
        raise UnknownName(f"there is no VAE called {wanted!r:.200}", f"known: {known:.1000}")

    def _files(self) -> dict[str, Path]:
        """By file name; of two with one name the first models folder's."""
        found: dict[str, Path] = {}
        for models in self._folders:
            for pattern, root in (("*", models / VAES), ("*.vae.*", models / FOLDER)):
                for path in sorted(root.rglob(pattern)) if root.is_dir() else ():
                    if path.suffix.lower() in PICKLES | {".safetensors"} and path.is_file():
                        found.setdefault(path.name, path)
        return found
