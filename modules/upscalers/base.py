"""What an upscaler is, and the ones that need no file. Importable without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from PIL import Image

from modules.core.registry import Registry

Kind = Literal["pixels", "latent"]


@dataclass(frozen=True)
class Upscaler:
    """One choice of a list. kind: whether it enlarges pictures, or latents within a hires pass.

    path: its file, None for a built-in one. size: bytes of the file. modified: nanoseconds since 1970.
    problem: why it cannot be used, a sentence; advice: what to try. enlarge: an extension's function for it.
    """

    name: str
    kind: Kind = "pixels"
    path: Path | None = None
    size: int = 0
    modified: int = 0
    problem: str = ""
    advice: str = ""
    enlarge: Callable[[Image.Image, int, int], Image.Image] | None = field(default=None, compare=False)


UPSCALERS: Registry[Upscaler] = Registry("upscaler")
NEAREST, LANCZOS = "Nearest", "Lanczos"
NO_UPSCALER = "None"  # as in A1111: the size is still reached, by Lanczos
LATENT_MODES = {  # A1111's names; torch's mode, and whether it filters when it makes something smaller
    "Latent": ("bilinear", False),
    "Latent (antialiased)": ("bilinear", True),
    "Latent (bicubic)": ("bicubic", False),
    "Latent (bicubic antialiased)": ("bicubic", True),
    "Latent (nearest)": ("nearest", False),
    "Latent (nearest-exact)": ("nearest-exact", False),
}
for name in (NO_UPSCALER, NEAREST, LANCZOS):
    UPSCALERS.add(name, Upscaler(name))
for name in LATENT_MODES:
    UPSCALERS.add(name, Upscaler(name, "latent"))
