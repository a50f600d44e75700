"""Instant colour transfer: the colours of one picture get the statistics of another's. No model, any size.

A transfer is a map from colour to colour, so it is computed once for a grid of colours and Pillow looks every pixel
up in it: 12 megapixels take less than a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from modules.style.lab import Colours, lab, srgb

Method = Literal["statistics", "transport"]
ColourMap = Callable[[Colours], Colours]

GRID = 49  # colours a side of the table; Pillow interpolates linearly between them
SAMPLE = 200_000  # pixels that statistics are taken from
MOST = 4.0  # times that a spread may be widened: noise in a grey picture stays noise
TINY = 1e-6  # Lab units (squared for variances) that count as none
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Statistics:
    """Mean (3) and covariance (3, 3) of a picture's colours in CIELAB."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


@dataclass(frozen=True)
class Matching:
    """How colours are matched.

    method: "statistics", mean and standard deviation of each Lab channel (Reinhard et al. 2001); "transport", the
    linear map that carries one Gaussian into the other and moves colours least (Pitié and Kokaram 2007).
    amount: 0 (the content's colours) to 1 (the style's). keep_luma: lightness stays the content's.
    """

    method: Method = "transport"
    amount: float = 1.0
    keep_luma: bool = False


def matched(
    content: Image.Image, styles: Sequence[Image.Image], matching: Matching, weights: Sequence[float] = ()
) -> Image.Image:
    """The content picture in the styles' colours, RGB, at its own size.

    weights: each style's share, any positive scale; empty means equal shares. Transparent pixels of a style do not
    count; a transparent content is seen on white.
    """
    shares = np.array(weights or [1.0] * len(styles)) / sum(weights or [1.0] * len(styles))
    content = on_white(content)
    source = statistics(content)
    transfer = MAPS[matching.method]
    maps = [transfer(source, statistics(style)) for style in styles]

    def changed(colours: Colours) -> Colours:
        wanted = np.sum([share * each(colours) for share, each in zip(shares, maps, strict=True)], axis=0)
        result: Colours = colours + matching.amount * (wanted - colours)
        if matching.keep_luma:
            result[..., 0] = colours[..., 0]
        return result

    return content.filter(_table(changed))


def statistics(picture: Image.Image) -> Statistics:
    """Of evenly spread pixels, at most `SAMPLE`; of a wholly transparent picture as if it were white."""
    colours = lab(sample(picture))
    return Statistics(colours.mean(0), np.cov(colours.T, bias=True))


def sample(picture: Image.Image) -> Colours:
    """At most `SAMPLE` visible pixels as sRGB (n, 3) in 0..1, evenly spread."""
    stride = max(1, int(np.ceil(np.sqrt(picture.width * picture.height / SAMPLE))))
    size = (-(-picture.width // stride), -(-picture.height // stride))
    few = np.asarray(picture.convert("RGBA").resize(size, Image.Resampling.NEAREST)).reshape(-1, 4)
    visible = few[few[:, 3] >= 128] if (few[:, 3] >= 128).any() else np.full((1, 4), 255, np.uint8)
    colours: Colours = visible[:, :3] / 255.0
    return colours


def on_white(picture: Image.Image) -> Image.Image:
    """RGB; what is transparent shows white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    seen = Image.new("RGBA", picture.size, (*WHITE, 255))
    seen.alpha_composite(picture.convert("RGBA"))
    return seen.convert("RGB")


def by_statistics(source: Statistics, target: Statistics) -> ColourMap:
    """Reinhard et al. 2001, "Color transfer between images", eq. 10 and 11, here in CIELAB."""
    spread, wanted = (np.sqrt(np.diag(each.covariance)) for each in (source, target))
    gain = np.minimum(wanted / np.maximum(spread, TINY), MOST)
    return lambda colours: (colours - source.mean) * gain + target.mean


def by_transport(source: Statistics, target: Statistics) -> ColourMap:
    """Pitié and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping", eq. 20."""
    root = _power(source.covariance, 0.5)
    inverse = _power(source.covariance, -0.5)
    middle = _power(root @ target.covariance @ root, 0.5)
    gains, axes = np.linalg.eigh(inverse @ middle @ inverse)
    gain = (axes * np.minimum(gains, MOST)) @ axes.T
    return lambda colours: (colours - source.mean) @ gain + target.mean


MAPS: dict[Method, Callable[[Statistics, Statistics], ColourMap]] = {
    "statistics": by_statistics,
    "transport": by_transport,
}


def _power(covariance: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Of a symmetric matrix without negative eigenvalues."""
    values, axes = np.linalg.eigh(covariance)
    result: NDArray[np.float64] = (axes * np.maximum(values, TINY) ** exponent) @ axes.T
    return result


def _table(changed: ColourMap) -> ImageFilter.Color3DLUT:
    """The map of Lab colours as Pillow's table of sRGB colours, red running fastest."""
    levels = np.linspace(0, 1, GRID)
    blue, green, red = np.meshgrid(levels, levels, levels, indexing="ij")
    grid = np.stack([red, green, blue], -1).reshape(-1, 3)
    return ImageFilter.Color3DLUT(GRID, srgb(changed(lab(grid))).ravel().tolist())
