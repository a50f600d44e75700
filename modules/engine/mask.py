"""Masks: where a picture may change. White (1) changes, black (0) stays, grey is a degree in between."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, avg_pool2d, interpolate, max_pool2d

from modules.core.request import GenerationRequest
from modules.engine.picture import Box, to_tensor

HALF = 0.5
FADE = 8  # a soft mask's picture is wholly the new one from a degree of 1 / FADE on


def shaped(mask: Image.Image, request: GenerationRequest) -> Image.Image:
    """Inverted, grown and blurred as the request says, in this order."""
    if request.mask_invert:
        mask = ImageOps.invert(mask)
    if request.mask_grow:
        levels = grown(to_tensor(mask, "cpu"), request.mask_grow)[0, 0]
        mask = Image.fromarray((levels * 255).round().byte().numpy())
    return mask.filter(ImageFilter.GaussianBlur(request.mask_blur))


def grown(mask: Tensor, pixels: int) -> Tensor:
    """Every white of a mask (1, 1, h, w) moves outward by so many pixels, inward if negative; a dot becomes an octagon.

    Squares and crosses take turns: the distance is exact along rows, columns and diagonals of the octagon.
    """
    if pixels < 0:
        return 1 - grown(1 - mask, -pixels)
    for step in range(pixels):
        if step % 2:
            mask = max_pool2d(mask, 3, 1, 1)
        else:
            mask = torch.maximum(max_pool2d(mask, (3, 1), 1, (1, 0)), max_pool2d(mask, (1, 3), 1, (0, 1)))
    return mask


def beyond(size: tuple[int, int], inner: Box, overlap: int) -> Image.Image:
    """The mask of an extended picture: white outside `inner`, where the old picture lies, then fading to black.

    The fade is `overlap` pixels long and starts at those edges of `inner` that are not edges of the new picture.
    """
    columns = _depth(size[0], inner[0], inner[2])
    rows = _depth(size[1], inner[1], inner[3])
    depth = np.minimum(rows[:, None], columns[None, :])
    return Image.fromarray((255 * (1 - depth / (overlap + 1))).clip(0, 255).round().astype(np.uint8))


def _depth(length: int, low: int, high: int) -> NDArray[np.float64]:
    """How far inside low..high each pixel lies, 1 at an edge; an edge without anything beyond it is far away."""
    at = np.arange(length)
    from_low = at - low + 1.0 if low > 0 else np.full(length, np.inf)
    from_high = high - at + 0.0 if high < length else np.full(length, np.inf)
    depth: NDArray[np.float64] = np.minimum(from_low, from_high)
    return depth


def cells(mask: Tensor, rows: int, columns: int, soft: bool) -> Tensor:
    """A mask (1, 1, height, width) on the grid of the latents: a cell may change as much as its whitest pixel.

    Without `soft` only white (more than half) changes, and entirely.
    """
    return adaptive_max_pool2d(mask if soft else hard(mask), (rows, columns))


def hard(mask: Tensor) -> Tensor:
    return (mask > HALF).float()


def is_hard_somewhere(mask: Image.Image) -> bool:
    """Whether a mask without degrees lets any cell change."""
    return bool(hard(to_tensor(mask, "cpu")).any())


def changing(degree: Tensor, step: int, steps: int) -> Tensor:
    """Where the picture may change at a step (0-based): a degree d does so in the last d * steps steps.

    Differential diffusion (Levin and Fried 2023, algorithm 1): grey begins later, from a less noisy original.
    """
    return degree > 1 - (step + HALF) / steps


def weights(mask: Image.Image, soft: bool) -> Image.Image:
    """How much of the new picture is in the result: the mask itself; of a soft one its reach, faded at the border."""
    return mask.point([min(255, FADE * level) for level in range(256)]) if soft else mask


def filled(pixels: Tensor, mask: Tensor) -> Tensor:
    """What is under the mask replaced by the colours around it: (1, 3, h, w) and (1, 1, h, w).

    Push-pull (Gortler et al. 1996, "The Lumigraph", section 3.4): holes take the colour of a picture of half the size.
    """
    weight = 1 - mask
    return weight * pixels + mask * _pulled(pixels, weight)


def _pulled(pixels: Tensor, weight: Tensor) -> Tensor:
    if weight.numel() == 1:
        return pixels
    size = pixels.shape[-2:]
    known = avg_pool2d(weight, 2, ceil_mode=True)
    half = avg_pool2d(pixels * weight, 2, ceil_mode=True) / known.clamp(min=1e-6)
    known = (known * 4).clamp(max=1)
    coarse = known * half + (1 - known) * _pulled(half, known)
    return interpolate(coarse, size, mode="bilinear")
