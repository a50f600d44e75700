"""A perceptual hash: 64 bits that stay nearly the same when a picture is saved again, made smaller or a little lighter.

The signs of the lowest frequencies of a small grey version against their median (Zauner 2010, "pHash").
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE, KEPT = 32, 8
BITS = KEPT * KEPT
Bits = NDArray[np.bool_]


@cache
def cosines() -> NDArray[np.float64]:
    """The lowest rows of the discrete cosine transform: (KEPT + 1, SIDE)."""
    rows, columns = np.mgrid[: KEPT + 1, :SIDE]
    waves: NDArray[np.float64] = np.cos(np.pi * rows * (2 * columns + 1) / (2 * SIDE))
    return waves


def perceptual_hash(picture: Image.Image) -> Bits:
    """(BITS,). The mean brightness is left out."""
    grey = np.asarray(picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    low = (cosines() @ grey @ cosines().T)[1:, 1:].ravel()
    bits: Bits = low > np.median(low)
    return bits


def apart(one: Bits, others: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many of the bits differ: 0 is the same picture, BITS / 2 what chance gives. others: (n, BITS)."""
    count: NDArray[np.int64] = (others != one).sum(axis=1)
    return count
