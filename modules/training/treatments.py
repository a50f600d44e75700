"""Picture treatments computed from pixels, each coarse enough to be told at 64 pixels."""

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


def neon_sign(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Glowing outlines in the picture's own hues on a dark wall."""
    line = _edges(_blur(picture, 1.2))[..., None]
    hue = picture / (picture.max(-1, keepdims=True) + 1e-3)
    tube = line * np.maximum(hue * hue, 0.15)
    glow = _blur(tube, 5) * 1.5 + _blur(tube, 1.2) * 1.2
    wall = np.array([0.05, 0.03, 0.10], np.float32)
    lit: Pixels = (wall + glow + line * line * 0.25).astype(np.float32)
    return lit


def watercolor(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Pale, flattened washes with darker rims, blotches of pigment and a margin of bare paper."""
    flat = _blur(_kuwahara(picture, 4), 1.0)
    height, width = flat.shape[:2]
    blotch = _noise(rng, height, width, 10)[..., None] * 0.7 + _noise(rng, height, width, 28)[..., None] * 0.3
    wash = 1 - (1 - flat) * (0.62 + 0.22 * blotch)
    rim = _edges(flat)[..., None] * (1 - flat) * 0.55
    y, x = np.mgrid[:height, :width].astype(np.float32)
    border = np.minimum(np.minimum(x, width - 1 - x) / width, np.minimum(y, height - 1 - y) / height)
    inside = np.clip((border - 0.035 + 0.022 * _noise(rng, height, width, 9)) * 40, 0, 1)[..., None]
    paper = np.array([0.98, 0.97, 0.94], np.float32)
    painted: Pixels = (paper * (1 - inside) + (wash - rim) * inside).astype(np.float32)
    return painted


def van_gogh(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Flattened colour (Kuwahara) under thick two-toned strokes along a swirling field (line integral convolution)."""
    flat = _kuwahara(picture, 3)
    strokes = _strokes(_swirl(flat), rng)[..., None]
    toned = 0.05 + flat * 0.85
    light, dark = np.array([0.10, 0.085, 0.015], np.float32), np.array([0.12, 0.10, 0.045], np.float32)
    painted: Pixels = (toned + np.clip(strokes, 0, 2) * light + np.clip(strokes, -2, 0) * dark).astype(np.float32)
    return painted


def stained_glass(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Cells of one bright colour each (a jittered Voronoi diagram), joined by dark lead."""
    side, small = 7, _box_halved(picture)
    size = small.shape[0]
    grid = (np.mgrid[:side, :side].transpose(1, 2, 0) + rng.uniform(0.15, 0.85, (side, side, 2))) * (size / side)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    points = grid.reshape(-1, 2).astype(np.float32)
    distance = (y[..., None] - points[:, 0]) ** 2 + (x[..., None] - points[:, 1]) ** 2
    nearest = np.partition(distance, 1, -1)[..., :2] ** 0.5
    cell = distance.argmin(-1)
    count = np.bincount(cell.ravel(), minlength=len(points)) + 1e-6
    colour = np.stack([np.bincount(cell.ravel(), small[..., c].ravel(), len(points)) / count for c in range(3)], -1)
    glass = (0.5 * colour[cell] + 0.5 * small) * 1.1
    lead = np.clip((nearest[..., 1] - nearest[..., 0]) / 1.6 - 0.25, 0, 1)[..., None]
    window = (glass * lead + 0.07 * (1 - lead)).astype(np.float32)
    doubled: Pixels = window.repeat(2, 0).repeat(2, 1)
    return doubled


def blueprint(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """White lines on blue paper with a grid."""
    line = np.clip(_edges(_blur(picture, 0.8)) * 1.2, 0, 1)[..., None]
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    grid = ((x % 16 < 2) | (y % 16 < 2))[..., None] * 0.10
    paper = np.array([0.06, 0.22, 0.62], np.float32) + grid
    drawn: Pixels = (paper + (0.97 - paper) * line).astype(np.float32)
    return drawn


def comic(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Few saturated colours, halftone dots that grow with darkness, and a thick black line."""
    few = _pixels(_image(picture).quantize(8, method=Image.Quantize.MEDIANCUT).convert("RGB"))
    luma = (few @ LUMA)[..., None]
    vivid = luma + (few - luma) * 1.4
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    period = 2 * np.pi / 12
    dots = (np.cos((x + y) * period / 2 * 1.414) * np.cos((x - y) * period / 2 * 1.414))[..., None]
    screened = vivid * np.where(dots > 0.35 + 0.25 * luma, 0.68, 1.0)
    line = np.clip(_edges(_blur(few, 1.4))[..., None] * 2.2 - 0.35, 0, 1)
    printed: Pixels = (screened * (1 - line)).astype(np.float32)
    return printed


TREAT: dict[str, Treatment] = {
    "pixel art": pixel_art,
    "pencil sketch": pencil_sketch,
    "neon sign": neon_sign,
    "watercolor": watercolor,
    "van gogh oil painting": van_gogh,
    "stained glass": stained_glass,
    "blueprint": blueprint,
    "comic": comic,
}


def _box_halved(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    half: Pixels = picture.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))
    return half


def _noise(rng: np.random.Generator, height: int, width: int, cells: int) -> Pixels:
    """Smooth noise of about +-1: random values on a coarse grid, enlarged."""
    coarse = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


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
    noise = _noise(rng, height, width, 44)
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
