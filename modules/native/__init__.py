"""Functions compiled for this processor when they are first needed, by Numba. Importable without it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path


def has_numba() -> bool:
    """Not every kind of computer has a build of it."""
    return find_spec("numba") is not None


def keep_in(folder: Path, sources: Iterable[Path]) -> None:
    """Where this process finds what an earlier one compiled from the Python files in these folders.

    Numba knows when the file of a function changed, but not the files that one uses.
    """
    files = [file for source in (Path(__file__).parent, *sources) for file in sorted(source.glob("*.py"))]
    code = blake2b(b"".join(file.read_bytes() for file in files), digest_size=8).hexdigest()
    os.environ["NUMBA_CACHE_DIR"] = str(folder / code)  # Numba knows no other way
