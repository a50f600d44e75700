"""Where code that is compiled for this computer is kept over restarts."""

from __future__ import annotations

import os
from pathlib import Path

from modules.attention import amx
from modules.native import keep_in


def keep_compiled(cache: Path) -> None:
    """From now on in a folder of this one. Before any of it is imported: the compilers ask the environment only."""
    folder = cache / "compiled"
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)
    keep_in(folder, [Path(amx.__file__).parent])
