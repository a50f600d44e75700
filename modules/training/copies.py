"""Does it copy? Distances from made pictures to the nearest training picture, in a small space of latents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

FEATURES_FILE = Path(__file__).with_name("features.npz")
AXES = 64


@dataclass(frozen=True)
class Library:
    """Every training picture as a point: principal components of its latent, rounded to bytes."""

    mean: Tensor  # (1024,)
    axes: Tensor  # (1024, AXES)
    step: float  # one byte's step
    points: Tensor  # (n, AXES) of whole numbers -127..127

    def place(self, latents: Tensor) -> Tensor:
        """Scaled latents (n, 4, 16, 16) as points (n, AXES), in latent units."""
        return (latents.flatten(1) - self.mean) @ self.axes

    def nearest(self, latents: Tensor, chunk: int = 200) -> tuple[Tensor, Tensor]:
        """The distance to the nearest training picture, and which it is: (n,) and (n,)."""
        distances, which = [], []
        known = self.points.float() * self.step
        placed = self.place(latents)
        for start in range(0, len(placed), chunk):
            distance, place = torch.cdist(placed[start : start + chunk], known).min(1)
            distances.append(distance)
            which.append(place)
        return torch.cat(distances), torch.cat(which)


def build_library(latents: Tensor, axes: int = AXES) -> Library:
    """Principal components of the training set's scaled latents (n, 4, 16, 16)."""
    flat = latents.flatten(1)
    mean = flat.mean(0)
    centred = flat - mean
    _, vectors = torch.linalg.eigh(centred.T @ centred / len(flat))
    found = vectors[:, -axes:].flip(1)
    points = centred @ found
    step = float(points.abs().max() / 127)
    return Library(mean, found, step, (points / step).round().to(torch.int8))


def save_library(library: Library, path: Path = FEATURES_FILE) -> None:
    """About 4 MB for 60,000 pictures."""
    np.savez_compressed(
        path,
        mean=library.mean.numpy(),
        axes=library.axes.half().numpy(),
        step=np.float32(library.step),
        points=library.points.numpy(),
    )


def load_library(path: Path = FEATURES_FILE) -> Library:
    """Read what `save_library` wrote."""
    with np.load(path) as data:
        mean, axes, points = (torch.from_numpy(data[name]) for name in ("mean", "axes", "points"))
        return Library(mean, axes.float(), float(data["step"]), points)


def copied(made: Tensor, unseen_real: Tensor) -> tuple[Tensor, float]:
    """Which made pictures (n,) are nearer to training than 99 of 100 unseen real ones are; and that threshold."""
    threshold = float(torch.quantile(unseen_real, 0.01))
    return made < threshold, threshold
