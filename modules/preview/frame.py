"""From preview pixels to the small JPEG that travels to the page."""

from __future__ import annotations

from io import BytesIO
from math import ceil, sqrt
from typing import TYPE_CHECKING

from PIL import Image

from modules.core.events import Frame

if TYPE_CHECKING:
    from torch import Tensor

MAX_SIDE = 512
MIN_SIDE = 256
QUALITY = 80
IN_A_ROW = 3  # more pictures than this make a square


def to_frame(pixels: Tensor, method: str) -> Frame:
    """Pixels (batch, 3, height, width) in 0..1 -> one JPEG, its longest side 256 to 512 pixels."""
    picture = _resized(_side_by_side(_images(pixels)))
    file = BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return Frame(file.getvalue(), *picture.size, method)


def _images(pixels: Tensor) -> list[Image.Image]:
    """Anything that is no number becomes black: the loop has its own words for that."""
    levels = (pixels.nan_to_num(0).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(rows) for rows in levels]


def _side_by_side(images: list[Image.Image]) -> Image.Image:
    columns = len(images) if len(images) <= IN_A_ROW else ceil(sqrt(len(images)))
    width, height = images[0].size
    sheet = Image.new("RGB", (columns * width, ceil(len(images) / columns) * height))
    for index, image in enumerate(images):
        sheet.paste(image, (index % columns * width, index // columns * height))
    return sheet


def _resized(picture: Image.Image) -> Image.Image:
    longest = max(picture.size)
    wanted = min(max(longest, MIN_SIDE), MAX_SIDE)
    if wanted == longest:
        return picture
    width, height = (max(1, round(side * wanted / longest)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC)
