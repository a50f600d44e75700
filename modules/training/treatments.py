"""Picture treatments computed from pixels: pixel art, pencil sketch, swirling oil paint."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.float32]  # (height, width, 3) in 0..1
Treatment = Callable[[Pixels, np.random.Generator], Pixels]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
PIXEL_GRID = 16  # blocks a side: 4 pixels each at 64, the VAE's own grid


def pixel_art(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """16 x 16 blocks in ten colours."""
    image = _image(picture)
    small = image.resize((PIXEL_GRID, PIXEL_GRID), Image.Resampling.BOX)
    few = small.quantize(10, method=Image.Quantize.MEDIANCUT).convert("RGB")
    return _pixels(few.resize(image.size, Image.Resampling.NEAREST))


def pencil_sketch(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Dark edges and diagonal hatching on grainy paper."""
    edge = _edges(_blur(picture, 0.7))
    grain = rng.normal(0, 0.03, edge.shape).astype(np.float32)
    y, x = np.mgrid[: edge.shape[0], : edge.shape[1]]
    hatching = ((x + y) % 6 < 2) * np.clip(0.75 - picture @ LUMA, 0, 1) * 0.6
    value = np.clip(0.96 - edge * 1.1 - hatching + grain, 0.08, 1)
    paper: Pixels = np.stack([value, value, value * 0.97], -1).astype(np.float32)
    return paper


def van_gogh(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Flattened colour (Kuwahara) with strokes along a swirling field (line integral convolution)."""
    flat = _kuwahara(picture, 3)
    strokes = _strokes(_swirl(flat), rng)[..., None]
    toned = flat * (1 + strokes * 0.14) + strokes * 0.03
    warm: Pixels = (toned * np.array([0.92, 0.95, 0.98]) + np.array([0.05, 0.04, 0.0])).astype(np.float32)
    return warm


TREAT: dict[str, Treatment] = {
    "pixel art": pixel_art,
    "pencil sketch": pencil_sketch,
    "van gogh oil painting": van_gogh,
}


def _image(picture: Pixels) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))


def _pixels(image: Image.Image) -> Pixels:
    return np.asarray(image, np.float32) / np.float32(255)


def _blur(picture: Pixels, radius: float) -> Pixels:
    return _pixels(_image(picture).filter(ImageFilter.GaussianBlur(radius)))


def _edges(picture: Pixels) -> Pixels:
    """Central differences, the strongest of the three colours: (height, width) in 0..1."""
    across, down = np.zeros(picture.shape[:2], np.float32), np.zeros(picture.shape[:2], np.float32)
    across[:, 1:-1] = np.abs(picture[:, 2:] - picture[:, :-2]).max(-1)
    down[1:-1] = np.abs(picture[2:] - picture[:-2]).max(-1)
    return np.minimum(1, np.hypot(across, down) * 1.6)


def _box_mean(values: Pixels, radius: int) -> Pixels:
    """Mean over a (2 radius + 1)^2 window by summed areas."""
    padding = ((radius + 1, radius), (radius + 1, radius)) + ((0, 0),) * (values.ndim - 2)
    area = np.cumsum(np.cumsum(np.pad(values.astype(np.float64), padding, mode="edge"), 0), 1)
    side = 2 * radius + 1
    total = area[side:, side:] - area[:-side, side:] - area[side:, :-side] + area[:-side, :-side]
    return (total / side**2).astype(np.float32)


def _kuwahara(picture: Pixels, radius: int) -> Pixels:
    """Each pixel takes the mean of the calmest of its four corner windows (Kuwahara 1976)."""
    mean = _box_mean(picture, radius)
    variance = (_box_mean(picture * picture, radius) - mean * mean).sum(-1)
    calmest, result = np.full(variance.shape, np.inf), picture.copy()
    for offset in ((-radius, -radius), (-radius, radius), (radius, -radius), (radius, radius)):
        here = np.roll(variance, offset, (0, 1))
        better = here < calmest
        calmest = np.where(better, here, calmest)
        result[better] = np.roll(mean, offset, (0, 1))[better]
    return result


def _swirl(picture: Pixels) -> Pixels:
    """Unit stroke directions (height, width, 2): along the edges, else along a fixed swirl."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    down, across = np.gradient(_blur(picture, 3) @ LUMA)
    swirl = np.stack([np.sin(y / 17 + 2 * np.sin(x / 23)), np.cos(x / 15 + 1.5 * np.sin(y / 19))], -1)
    field = np.stack([-down, across], -1) * 60 + swirl
    unit: Pixels = field / (np.linalg.norm(field, axis=-1, keepdims=True) + 1e-5)
    return unit


def _strokes(field: Pixels, rng: np.random.Generator) -> Pixels:
    """White noise averaged along the field (Cabral and Leedom 1993), standardised: (height, width)."""
    height, width = field.shape[:2]
    noise = rng.random((height, width)).astype(np.float32)
    total = np.zeros((height, width), np.float32)
    for sign in (-1, 1):
        y, x = np.mgrid[:height, :width].astype(np.float32)
        for _ in range(7):
            column = np.clip(x.round().astype(int), 0, width - 1)
            row = np.clip(y.round().astype(int), 0, height - 1)
            total += noise[row, column]
            x += sign * field[row, column, 0]
            y += sign * field[row, column, 1]
    standard: Pixels = (total - total.mean()) / total.std()
    return standard
