"""How near a result is to its style and to its content, in numbers that need no trained network.

Always read as a pair: a picture can be all style or all content. They order results on the same pictures and cannot be
compared with published scores (ArtFID, LPIPS), which come from trained networks. Colour and texture are kept apart,
because a mixed number calls a mere recolouring the best style transfer (measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from modules.style.colour import on_white
from modules.style.lab import lab

Plane = NDArray[np.float64]  # (height, width)
SCALES = (1.0, 2.0, 4.0)  # pixels, deviation of the filters
DIRECTIONS = 4
GRID = 8  # cells a side that a picture is compared with itself by
QUANTILES = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Score:
    """Distances, 0 is the same. colour: Lab units. texture, content: relative. ssim: 1 is the same."""

    colour: float
    texture: float
    content: float
    ssim: float


def score(result: Image.Image, content: Image.Image, style: Image.Image) -> Score:
    """Content and style are brought to the result's size."""
    seen, kept, wanted = (_array(each, result.size) for each in (result, content, style))
    return Score(
        colour_distance(seen, wanted), texture_distance(seen, wanted), content_distance(seen, kept), ssim(seen, kept)
    )


def colour_distance(one: Plane, other: Plane) -> float:
    """Mean over the Lab channels of the 1-D Wasserstein distance between their values, by quantiles."""
    curves = [np.quantile(each.reshape(-1, 3), QUANTILES, axis=0) for each in (one, other)]
    return float(np.abs(curves[0] - curves[1]).mean())


def texture_distance(one: Plane, other: Plane) -> float:
    """Between Gram matrices (Gatys et al. 2016, eq. 3) of edges of several sizes and directions, contrast set to 1."""
    ours, wanted = (_gram(_responses(each)) for each in (one, other))
    return float(np.linalg.norm(ours - wanted) / max(float(np.linalg.norm(wanted)), 1e-9))


def content_distance(one: Plane, other: Plane) -> float:
    """How differently the two are like themselves: cosines between all pairs of cells (Kolkin et al. 2019, eq. 7)."""
    return float(np.abs(_alike(one) - _alike(other)).mean())


def ssim(one: Plane, other: Plane) -> float:
    """Structural similarity of lightness (Wang et al. 2004, eq. 13), with its Gaussian window of deviation 1.5."""
    a, b = one[..., 0] / 100, other[..., 0] / 100
    mean_a, mean_b = _soft(a, 1.5), _soft(b, 1.5)
    var_a, var_b = _soft(a * a, 1.5) - mean_a**2, _soft(b * b, 1.5) - mean_b**2
    both = _soft(a * b, 1.5) - mean_a * mean_b
    light = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
    structure = (2 * both + 9e-4) / (var_a + var_b + 9e-4)
    return float((light * structure).mean())


def likeness(one: Image.Image, other: Image.Image) -> float:
    """`ssim` of two pictures; the other one is brought to the first one's size."""
    return ssim(_array(one, one.size), _array(other, one.size))


def _array(picture: Image.Image, size: tuple[int, int]) -> Plane:
    """(height, width, 3) in Lab."""
    fitted = on_white(picture).resize(size, Image.Resampling.LANCZOS)
    return lab(np.asarray(fitted) / 255.0)


def _normalised(picture: Plane) -> Plane:
    """Lightness with mean 0 and deviation 1; a flat picture stays flat."""
    light = picture[..., 0]
    result: Plane = (light - light.mean()) / max(light.std(), 1.0)
    return result


def _responses(picture: Plane) -> NDArray[np.float64]:
    """(features, height, width): slopes of the normalised lightness, up and down apart, by size and direction."""
    light = _normalised(picture)
    found = []
    for scale in SCALES:
        down, across = np.gradient(_soft(light, scale))
        for direction in range(DIRECTIONS):
            angle = np.pi * direction / DIRECTIONS
            slope = scale * (np.cos(angle) * across + np.sin(angle) * down)
            found += [np.maximum(slope, 0), np.maximum(-slope, 0)]
    return np.stack(found)


def _gram(features: NDArray[np.float64]) -> Plane:
    rows = features.reshape(len(features), -1)
    result: Plane = rows @ rows.T / rows.shape[1]
    return result


def _alike(picture: Plane) -> Plane:
    """(cells, cells): cosines between what the cells hold, centred over the picture."""
    planes = np.concatenate([_responses(picture), _normalised(picture)[None]])
    rows, columns = (np.linspace(0, side, GRID + 1).astype(int) for side in planes.shape[1:])
    cells = np.array(
        [
            [
                planes[:, top : max(bottom, top + 1), left : max(right, left + 1)].mean((1, 2))
                for left, right in _pairs(columns)
            ]
            for top, bottom in _pairs(rows)
        ]
    ).reshape(-1, len(planes))
    cells = cells - cells.mean(0)
    cells = cells / np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), 1e-9)
    result: Plane = cells @ cells.T
    return result


def _pairs(edges: NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in pairwise(edges)]


def _soft(plane: Plane, deviation: float) -> Plane:
    """A Gaussian blur that continues the edges."""
    reach = int(np.ceil(3 * deviation))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padded = np.pad(plane, [(reach, reach) if axis == each else (0, 0) for each in (0, 1)], mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=axis)
        plane = windows @ kernel
    return plane


def dominated(ours: Score, other: Score) -> bool:
    """Whether the other is at least as near to style and content, and nearer to one (Pareto; texture and content)."""
    pairs = (other.texture, ours.texture), (other.content, ours.content)
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
