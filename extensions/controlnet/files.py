"""The files in models/ControlNet, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modules.hooks import BadRequest

FOLDERS = ("ControlNet", "T2I-Adapter")
SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")  # of two with one name the first


def files(models: Sequence[Path]) -> dict[str, Path]:
    """Name below its folder, without suffix -> file; of two with one name the first."""
    found: dict[str, Path] = {}
    for root in (models_folder / folder for models_folder in models for folder in FOLDERS):
        usable = [path for path in root.glob("**/*") if path.suffix.lower() in SUFFIXES]
        for path in sorted(usable, key=lambda path: (path.with_suffix(""), SUFFIXES.index(path.suffix.lower()))):
            found.setdefault(path.relative_to(root).with_suffix("").as_posix(), path)
    return found


def find(name: str, models: Sequence[Path]) -> Path:
    """By name, file name or stem, in any case; A1111's "name [hash]" too. Raises BadRequest."""
    wanted = name.partition(" [")[0].strip().casefold()
    known = files(models)
    for key, path in known.items():
        if wanted in {key.casefold(), path.name.casefold(), path.stem.casefold()}:
            return path
    listed = ", ".join(list(known)[:20]) or "none; put a file into models/ControlNet"
    raise BadRequest(f"there is no ControlNet model called {name!r:.100}", f"known: {listed}")
