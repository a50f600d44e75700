"""Pictures as a worker hands them over, and the files that come of them."""

from __future__ import annotations

import random
from pathlib import Path

from modules.core.events import PictureMade
from modules.core.request import GenerationRequest
from modules.gallery import Saved

REQUEST = GenerationRequest(prompt="a cat", schedule="karras", seed=7, count=4, batch_size=2)
FACTS = {"Model": "starter", "Model hash": "6ce0161689", "Version": "Taffy 0.1.0"}


def made(index: int = 0, seed: int = 7, side: int = 8) -> PictureMade:
    """A square of noise; the same seed, the same pixels."""
    return PictureMade("task", index, seed, side, side, random.Random(seed).randbytes(side * side * 3), FACTS)


def files(folder: Path) -> list[str]:
    """Every file below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def number(saved: Saved) -> int:
    return int(saved.name.split("-")[0])
