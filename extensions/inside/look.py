"""The worker half's eyes: pictures of recorded steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import torch

from modules.hooks import Answered, Bench, Question

from .record import unpacked

QUALITY = {True: 80, False: 93}  # of a JPEG, by whether it is a quick one


@dataclass(frozen=True)
class Wanted:
    """steps: 0-based. quick: small and rough at once, or through the VAE."""

    checkpoint: str
    vae: str
    steps: tuple[int, ...]
    quick: bool


def looks(question: Question, bench: Bench) -> Iterator[Answered]:
    """One JPEG for each step that is wanted, with {"step"}."""
    payload: Any = question.payload
    wanted = Wanted(**payload)
    record = unpacked(question.data["steps"])
    with bench.family(wanted.checkpoint, vae=wanted.vae) as family:
        for step in wanted.steps:
            latents = torch.from_numpy(record.at(step).x0.copy()).to(family.device)
            file = BytesIO()
            bench.picture(family, latents, wanted.quick).save(file, "JPEG", quality=QUALITY[wanted.quick])
            yield Answered({"step": step}, file.getvalue())
