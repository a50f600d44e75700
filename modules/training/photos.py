"""A few photographs in the public domain, so that the autoencoder carries people's own pictures too."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

PACKAGE = "scikit-image 0.26.0"
TRAINING = ("coffee.png", "rocket.jpg", "hubble_deep_field.jpg", "brick.png", "grass.png", "gravel.png", "moon.png")
HELD_OUT = ("astronaut.png", "chelsea.png")  # a person and a cat: for measuring only
LONGEST = 400  # pixels


def sample_photos() -> dict[str, Image.Image]:
    """The photographs that scikit-image ships, RGB, made smaller. The package is looked up, not imported."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the photographs come with scikit-image: pip install -r requirements-training.txt")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    photos = {}
    for name in (*TRAINING, *HELD_OUT):
        photos[name] = Image.open(folder / name).convert("RGB")
        photos[name].thumbnail((LONGEST, LONGEST))
    return photos


def crop(photo: Tensor, rng: np.random.Generator, size: int = 64) -> Tensor:
    """A random square of a photograph (3, h, w), mirrored and recoloured at random: (3, size, size) in 0..1."""
    side = int(rng.integers(size, min(photo.shape[1:]) + 1))
    top, left = (int(rng.integers(0, n - side + 1)) for n in photo.shape[1:])
    square = photo[:, top : top + side, left : left + side]
    small = F.interpolate(square[None], size=(size, size), mode="bilinear", antialias=True)[0]
    if rng.random() < 0.5:
        small = small.flip(-1)
    if rng.random() < 0.5:
        small = small[torch.from_numpy(rng.permutation(3))]
    gain = torch.from_numpy(rng.uniform(0.7, 1.3, 3)).float()[:, None, None]
    return (small * gain).clamp(0, 1)


def centre_crops(photos: list[Tensor], size: int = 64) -> Tensor:
    """Whole photographs, four quarters and the middle of each, unaltered: (6 n, 3, size, size) in 0..1."""
    squares = []
    for photo in photos:
        side = min(photo.shape[1:])
        whole, half = photo[:, :side, :side], side // 2
        corners = [(0, 0), (0, half), (half, 0), (half, half), (half // 2, half // 2)]
        parts = [whole, *(whole[:, y : y + half, x : x + half] for y, x in corners)]
        squares += [F.interpolate(p[None], size=(size, size), mode="bilinear", antialias=True)[0] for p in parts]
    return torch.stack(squares)
