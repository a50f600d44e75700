"""The preview while a picture grows: the small one, in which finished tiles replace what was there."""

from __future__ import annotations

from io import BytesIO
from math import ceil, floor
from time import monotonic

from PIL import Image

from modules.core.events import Frame
from modules.upscalers.size import Size

LARGEST, SMALLEST = 512, 256  # pixels of the longer side
EVERY = 0.5  # seconds
QUALITY = 85


class Glimpse:
    """Follows the work on a picture and shows it now and then."""

    def __init__(self, picture: Image.Image, size: Size) -> None:
        """size: of the finished picture."""
        share = min(LARGEST, max(SMALLEST, *size)) / max(size)
        shown = (max(1, round(size[0] * share)), max(1, round(size[1] * share)))
        self._picture = picture.convert("RGB").resize(shown, Image.Resampling.BICUBIC, reducing_gap=2)
        self._shown = monotonic() - EVERY

    def add(self, canvas: Image.Image, box: tuple[int, int, int, int]) -> None:
        """What is new in a box (left, top, right, bottom) of a picture that may have another size than the end's."""
        across, down = (small / large for small, large in zip(self._picture.size, canvas.size, strict=True))
        left, top = floor(box[0] * across), floor(box[1] * down)
        size = (max(1, ceil(box[2] * across) - left), max(1, ceil(box[3] * down) - top))
        self._picture.paste(canvas.crop(box).resize(size, Image.Resampling.BILINEAR, reducing_gap=2), (left, top))

    def frame(self) -> Frame | None:
        """The preview, if the last one is older than half a second."""
        if monotonic() - self._shown < EVERY:
            return None
        self._shown = monotonic()
        file = BytesIO()
        self._picture.save(file, "JPEG", quality=QUALITY)
        return Frame(file.getvalue(), *self._picture.size, "tiles")
