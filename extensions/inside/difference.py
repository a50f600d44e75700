"""How far apart two pictures are: colour differences as people see them, as one number and as a map. Needs no torch."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from math import log10

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float64]
WHITE = np.array([0.95047, 1.0, 1.08883])  # D65
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
SOFT = 1.0  # radius in pixels of the blur before comparing: single pixels are no difference to the eye
FULL = 40.0  # the difference that is brightest in a map
COLD, HOT = np.array([16, 16, 32.0]), np.array([255, 210, 60.0])


@dataclass(frozen=True)
class Difference:
    """mean: colour difference (CIE 1976 delta E) over all pixels; 0 is the same, 2 just visible. psnr: dB; None for
    equal pictures. shown: a map, dark where nothing differs.
    """

    mean: float
    psnr: float | None
    shown: Image.Image

    @property
    def src(self) -> str:
        """The map as a data URL."""
        return data_url(self.shown, "PNG")


def difference(one: Image.Image, other: Image.Image) -> Difference:
    """Of two pictures; the second is cut or scaled to the first one's size if it has another."""
    other = other if other.size == one.size else other.resize(one.size, Image.Resampling.LANCZOS)
    soft = [
        lab(np.asarray(each.convert("RGB").filter(ImageFilter.GaussianBlur(SOFT)), np.float64)) for each in (one, other)
    ]
    apart = np.sqrt(((soft[0] - soft[1]) ** 2).sum(-1))
    pixels = [np.asarray(each.convert("RGB"), np.float64) for each in (one, other)]
    squared = float(((pixels[0] - pixels[1]) ** 2).mean())
    share = np.clip(apart / FULL, 0, 1)[..., None] ** 0.7
    shown = Image.fromarray(np.rint(COLD + share * (HOT - COLD)).astype(np.uint8))
    return Difference(float(apart.mean()), 10 * log10(255**2 / squared) if squared else None, shown)


def lab(rgb: Floats) -> Floats:
    """sRGB 0..255 (height, width, 3) -> CIE L*a*b* (IEC 61966-2-1, CIE 15)."""
    part = rgb / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    xyz = linear @ TO_XYZ.T / WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def data_url(picture: Image.Image, kind: str) -> str:
    """kind: "PNG" or "JPEG"."""
    file = BytesIO()
    picture.save(file, kind)
    return f"data:image/{kind.lower()};base64,{b64encode(file.getvalue()).decode()}"
