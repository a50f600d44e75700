"""The files in models/ControlNet, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modules.hooks import BadRequest

FOLDERS = ("ControlNet", "T2I-Adapter")
PICKLES = frozenset({".pth", ".pt", ".ckpt", ".bin"})


def files(models: Sequence[Path]) -> dict[str, Path]:
    """Name below its folder, without suffix -> file; of two with one name the first."""
    found: dict[str, Path] = {}
    for root in (models_folder / folder for models_folder in models for folder in FOLDERS):
        for path in sorted(root.glob("**/*.safetensors")):
            found.setdefault(path.relative_to(root).with_suffix("").as_posix(), path)
    return found


def find(name: str, models: Sequence[Path]) -> Path:
    """By name, file name or stem, in any case; A1111's "name [hash]" too. Raises BadRequest."""
    wanted = name.partition(" [")[0].strip().casefold()
    known = files(models)
    for key, path in known.items():
        if wanted in {key.casefold(), path.name.casefold(), path.stem.casefold()}:
            return path
    if Path(wanted).suffix in PICKLES:
        advice = "such files can run programs when they are opened: use the .safetensors version"
        raise BadRequest(f"{name:.100} cannot be used", advice)
    listed = ", ".join(list(known)[:20]) or "none; put a .safetensors file into models/ControlNet"
    raise BadRequest(f"there is no ControlNet model called {name!r:.100}", f"known: {listed}")
