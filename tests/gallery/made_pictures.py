"""Pictures as a worker hands them over."""

from __future__ import annotations

import random

from modules.core.events import PictureMade
from modules.core.request import GenerationRequest

REQUEST = GenerationRequest(prompt="a cat", schedule="karras", seed=7, count=4, batch_size=2)
FACTS = {"Model": "starter", "Model hash": "6ce0161689", "Version": "Taffy 0.1.0"}


def made(index: int = 0, seed: int = 7, side: int = 8) -> PictureMade:
    """A square of noise; the same seed, the same pixels."""
    return PictureMade("task", index, seed, side, side, random.Random(seed).randbytes(side * side * 3), FACTS)
