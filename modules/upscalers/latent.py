"""The six latent modes of a hires pass: latents stretched like pictures, which the second pass has to repair."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

from modules.upscalers.base import LATENT_MODES, UPSCALERS


def resize_latents(latents: Tensor, name: str, height: int, width: int) -> Tensor:
    """Latents (batch, c, h, w) -> (batch, c, height, width). name: an upscaler of kind "latent"."""
    mode, antialias = LATENT_MODES[UPSCALERS.canonical(name)]
    return interpolate(latents, (height, width), mode=mode, antialias=antialias)
