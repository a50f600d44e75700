"""The worker half of the originality check: where pictures lie as the VAE sees them, and the starter's training set."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modules.hooks import Answered, BadRequest, Bench, Family, Question

CELLS = 16  # a side of the latents that are compared
TRAINED = Path(__file__).parents[2] / "modules" / "training" / "features.npz"  # see modules/training/copies.py
SAMPLE = 500  # training pictures whose own nearest neighbours are the yardstick
SHOWN = 6


def side_of(family: Family) -> int:
    """Pixels of the square that every picture is brought to."""
    return CELLS * family.card.downscale


def points(question: Question, bench: Bench) -> Iterator[Answered]:
    """To "side" {"side", "key"}; to "points" the latents of "pixels", (n, side, side, 3) bytes, as floats."""
    payload: Any = question.payload
    with bench.family(payload["checkpoint"], vae=payload["vae"]) as family:
        side = side_of(family)
        if question.name == "side":
            yield Answered({"side": side, "key": family.vae_key})
            return
        rgb = np.frombuffer(question.data["pixels"], np.uint8).reshape(-1, side, side, 3)
        yield Answered(None, placed(family, rgb).astype("<f4").tobytes())


def placed(family: Family, rgb: np.ndarray) -> np.ndarray:
    """(n, side, side, 3) bytes -> latents (n, values). One by one: a batch is rounded differently."""
    found = []
    for picture in rgb:
        pixels = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float().to(family.device) / 255
        found.append(family.encode(pixels).float().cpu().numpy().ravel())
    return np.stack(found)


def trained(question: Question, bench: Bench) -> Iterator[Answered]:
    """The nearest pictures of the starter's training set, as far as 64 numbers of each can show them.

    {"distance", "usual", "closer", "of"} each, nearest first, with a JPEG.
    """
    payload: Any = question.payload
    with bench.family(payload["checkpoint"], vae=payload["vae"]) as family, np.load(TRAINED) as data:
        mean, axes = torch.from_numpy(data["mean"]), torch.from_numpy(data["axes"]).float()
        known = torch.from_numpy(data["points"]).float() * float(data["step"])
        shape = (4, CELLS, CELLS)
        if family.latent_shape(side_of(family), side_of(family)) != shape or len(mean) != 4 * CELLS**2:
            raise BadRequest("the starter's training set is known for the starter alone", "name a folder instead")
        side = side_of(family)
        rgb = np.frombuffer(question.data["pixels"], np.uint8).reshape(1, side, side, 3)
        place = (torch.from_numpy(placed(family, rgb)) - mean) @ axes
        distances, which = torch.cdist(place, known)[0].topk(SHOWN, largest=False)
        own = yardstick(known)
        for distance, at in zip(distances.tolist(), which.tolist(), strict=True):
            latents = (mean + axes @ known[at]).view(1, *shape).to(family.device)
            file = BytesIO()
            bench.picture(family, latents).save(file, "JPEG", quality=93)
            closer = float((own < distance).float().mean())
            about = {"distance": distance, "usual": float(own.median()), "closer": closer, "of": len(known)}
            yield Answered(about, file.getvalue())


def yardstick(known: Tensor) -> Tensor:
    """How far some of them, evenly chosen, are from their nearest neighbours among all."""
    chosen = known[:: max(1, len(known) // SAMPLE)]
    return torch.cdist(chosen, known).topk(2, largest=False).values[:, 1]
