"""From finished latents to a picture: decode, let extensions change it, hand it over as bytes."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from modules.core.errors import NotANumber
from modules.core.family import Family


def rgb(image: Image.Image) -> bytes:
    """8-bit RGB rows of a picture, whatever mode an extension left it in."""
    return image.convert("RGB").tobytes()


def decode_picture(family: Family, latent: Tensor) -> Image.Image:
    """One latent (1, c, h, w) -> an RGB picture."""
    return picture_of(family.decode(latent)[0])


def picture_of(pixels: Tensor) -> Image.Image:
    """Pixels (3, height, width) in 0..1 -> an RGB picture. Values are cut, not rounded, to 8 bits, as A1111 does."""
    if not bool(torch.isfinite(pixels).all()):
        raise NotANumber("the VAE's picture is not a number", "start Taffy with --precision fp32")
    levels = (pixels.clamp(0, 1) * 255).to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())
