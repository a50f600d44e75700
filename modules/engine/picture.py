"""Input pictures: read, cut out beyond their edges, brought to another shape, turned into numbers."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Literal

import numpy as np
import torch
from PIL import Image
from PIL.Image import Resampling
from torch import Tensor

from modules.core.errors import BadRequest

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; may reach beyond a picture's edges."""


def read_picture(inputs: Mapping[str, bytes], name: str) -> Image.Image:
    """An input as RGB; what is transparent becomes white, as in A1111."""
    return _over(_open(inputs, name), (255, 255, 255)).convert("RGB")


def read_mask(inputs: Mapping[str, bytes], name: str) -> Image.Image:
    """An input as grey levels; what is transparent becomes black."""
    return _over(_open(inputs, name), (0, 0, 0)).convert("L")


def _open(inputs: Mapping[str, bytes], name: str) -> Image.Image:
    if name not in inputs:
        raise BadRequest(f"the input picture {name!r} is not there", "give it again")
    return Image.open(BytesIO(inputs[name]))


def _over(picture: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    if not picture.has_transparency_data:
        return picture
    return Image.alpha_composite(Image.new("RGBA", picture.size, (*colour, 255)), picture.convert("RGBA"))


def cut(picture: Image.Image, box: Box) -> Image.Image:
    """A part of a picture; beyond the picture its outermost pixels continue."""
    left, top, right, bottom = box
    rows = np.arange(top, bottom).clip(0, picture.height - 1)
    columns = np.arange(left, right).clip(0, picture.width - 1)
    return Image.fromarray(np.asarray(picture)[rows][:, columns])


def resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Lanczos for pictures; bilinear for masks, which must stay black where they are black. The same size: a copy."""
    return picture.resize(size, Resampling.BILINEAR if picture.mode == "L" else Resampling.LANCZOS)


def fitted(
    picture: Image.Image, size: tuple[int, int], mode: Literal["stretch", "crop", "fill", "latent"]
) -> Image.Image:
    """A picture brought to `size`: stretched ("latent" too), or in its own shape with the rest cut off or filled."""
    if mode in {"stretch", "latent"}:
        return resized(picture, size)
    width, height = size
    scales = width / picture.width, height / picture.height
    scale = max(scales) if mode == "crop" else min(scales)
    near = resized(picture, (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    left, top = (near.width - width) // 2, (near.height - height) // 2
    return cut(near, (left, top, left + width, top + height))


def to_tensor(picture: Image.Image, device: str) -> Tensor:
    """(1, channels, height, width), fp32 in 0..1."""
    levels = torch.from_numpy(np.array(picture).reshape(picture.height, picture.width, -1))
    return levels.permute(2, 0, 1)[None].float().to(device) / 255
