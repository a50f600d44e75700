"""sRGB and CIELAB (D65), on arrays whose last axis is the colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float64]  # (..., 3): sRGB in 0..1, or L* in 0..100 with a* and b* around 0

_TO_XYZ = np.array(  # IEC 61966-2-1, divided by the white point: white is (1, 1, 1)
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_TO_XYZ = _TO_XYZ / _TO_XYZ.sum(1, keepdims=True)
_FROM_XYZ = np.linalg.inv(_TO_XYZ)
_TO_LAB = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
_FROM_LAB = np.linalg.inv(_TO_LAB)
_KNEE = 6 / 29  # below it the cube root is a straight line


def lab(srgb: Colours) -> Colours:
    """CIELAB (CIE 15:2004, eq. 8.3 to 8.11)."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    root = np.where(xyz > _KNEE**3, np.cbrt(xyz), xyz / (3 * _KNEE**2) + 4 / 29)
    result: Colours = root @ _TO_LAB.T - np.array([16.0, 0.0, 0.0])
    return result


def srgb(lab_colours: Colours) -> Colours:
    """The way back. Colours a screen cannot show come out below 0 or above 1, mirrored at 0, for the caller to cut."""
    root = (lab_colours + np.array([16.0, 0.0, 0.0])) @ _FROM_LAB.T
    linear = np.where(root > _KNEE, root**3, 3 * _KNEE**2 * (root - 4 / 29)) @ _FROM_XYZ.T
    size = np.abs(linear)
    result: Colours = np.sign(linear) * np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055)
    return result
