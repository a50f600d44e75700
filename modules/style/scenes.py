"""The three little worlds that the style pictures show: a landscape, flowers, a town. Computed, so they are ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float64]  # (side, side, 3) in 0..1
Plane = NDArray[np.float64]  # (side, side)
SIDE = 384


def colour(code: str) -> NDArray[np.float64]:
    """ "2b5c8f" -> (3) in 0..1."""
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)]) / 255


def places() -> tuple[Plane, Plane]:
    """(y, x) of every pixel in 0..1."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    return y, x


def painted(picture: Pixels, where: NDArray[np.bool_] | Plane, paint: NDArray[np.float64]) -> Pixels:
    """Paint laid over a picture where a mask (0..1) says."""
    cover = np.asarray(where, np.float64)[..., None]
    result: Pixels = picture * (1 - cover) + paint * cover
    return result


def ridge(x: Plane, base: float, height: float, seed: int) -> Plane:
    """A line of hills: for each x how far down (0..1) it begins."""
    rng = np.random.default_rng(seed)
    waves = [np.sin(2 * np.pi * (k * x + rng.random())) * rng.uniform(0.4, 1) / k for k in (1, 2, 3, 5, 9)]
    result: Plane = base - height * np.sum(waves, axis=0) / 2
    return result


def landscape(sky: Sequence[str], hills: Sequence[str], sun: str, seed: int = 0) -> Pixels:
    """Sky from two colours, a sun, and hills from far to near."""
    y, x = places()
    top, low = colour(sky[0]), colour(sky[1])
    picture = top + (low - top) * np.clip(y * 1.6, 0, 1)[..., None]
    picture = painted(picture, np.hypot(y - 0.28, x - 0.68) < 0.1, colour(sun))
    for layer, code in enumerate(hills):
        line = ridge(x, 0.5 + 0.45 * layer / len(hills), 0.12 - 0.012 * layer, seed + layer)
        picture = painted(picture, y > line, colour(code) * (1 - 0.25 * (y - line).clip(0, 1)[..., None]))
    return picture


def flowers(ground: str, petals: Sequence[str], heart: str, seed: int = 1) -> Pixels:
    """A dozen flowers, large and small, on leaves."""
    y, x = places()
    rng = np.random.default_rng(seed)
    picture = np.broadcast_to(colour(ground), (SIDE, SIDE, 3)).copy()
    picture = painted(picture, np.sin(25 * x + 8 * np.sin(9 * y)) * np.sin(21 * y) > 0.35, colour(ground) * 0.7)
    for index in range(14):
        radius, where = rng.uniform(0.09, 0.2), rng.random(2)
        far, angle = np.hypot(y - where[0], x - where[1]), np.arctan2(y - where[0], x - where[1])
        reach = radius * (0.65 + 0.35 * np.cos(rng.integers(5, 9) * angle + rng.uniform(0, 6)))
        shade = 0.75 + 0.5 * (far / radius).clip(0, 1)[..., None]
        picture = painted(picture, far < reach, np.clip(colour(petals[index % len(petals)]) * shade, 0, 1))
        picture = painted(picture, far < radius * 0.25, colour(heart))
    return picture


def town(sky: str, walls: Sequence[str], light: str, seed: int = 2) -> Pixels:
    """Houses with gables and windows in three rows."""
    y, x = places()
    rng = np.random.default_rng(seed)
    picture = np.broadcast_to(colour(sky), (SIDE, SIDE, 3)).copy()
    picture = painted(picture, np.hypot(y - 0.16, x - 0.24) < 0.08, colour(light))
    for row in range(3):
        left = -0.1
        while left < 1:
            width, top = rng.uniform(0.13, 0.24), 0.3 + 0.2 * row + rng.uniform(-0.08, 0.08)
            across = (x - left) / width
            inside = (across > 0) & (across < 1)
            wall = colour(walls[int(rng.integers(len(walls)))]) * (0.75 + 0.12 * row)
            gable = top - 0.35 * width * (1 - np.abs(2 * across - 1))
            picture = painted(picture, inside & (y > gable), wall * 0.6)
            picture = painted(picture, inside & (y > top), wall)
            panes = (np.abs((across * 3) % 1 - 0.5) < 0.22) & (np.abs(((y - top) * 11) % 1 - 0.55) < 0.27)
            picture = painted(picture, inside & (y > top) & panes, colour(light))
            left += width
    return picture
