"""A picture through a network, tile by tile: the result and the memory do not depend on how it is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from modules.core.heap import return_freed_memory
from modules.upscalers.plan import FADE, LEAST, Span, spans
from modules.upscalers.size import Size

Levels = NDArray[np.uint8]  # (height, width, 3)
Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]  # left, top, right, bottom


class Canvas:
    """Grows by tiles from the left to the right and from the top to the bottom, and fades them into each other.

    Two neighbours' weights add up to one in both directions, so where they agree no seam is left. Of what was put
    before only the strips that the next tiles fade into are kept as floats.
    """

    def __init__(self, size: Size, fade: Size) -> None:
        """fade: pixels on each side of a seam, horizontally and vertically."""
        self.picture = Image.new("RGB", size)
        self._fade = fade
        self._right: Floats = np.zeros((0, 0, 3), np.float32)
        self._below: Floats = np.zeros((2 * fade[1], size[0], 3), np.float32)

    def put(self, part: Floats, left: int, top: int) -> Box:
        """Part (h, w, 3) in 0..255, its own pixels and those it fades in. Returns what is final by it."""
        width, height = self.picture.size
        across, down = 2 * self._fade[0], 2 * self._fade[1]
        if left:
            part[:, :across] += (self._right - part[:, :across]) * (1 - ramp(across)[None, :, None])
        right, bottom = left + part.shape[1], top + part.shape[0]
        if right < width:
            self._right = part[:, -across:].copy()
            part, right = part[:, :-across], right - across
        above = self._below[:, left:right].copy()
        if bottom < height:
            self._below[:, left:right] = part[-down:]
            part, bottom = part[:-down], bottom - down
        if top:
            part[:down] += (above - part[:down]) * (1 - ramp(down)[:, None, None])
        self.picture.paste(Image.fromarray(np.rint(part).astype(np.uint8)), (left, top))
        return left, top, right, bottom


def ramp(length: int) -> Floats:
    """Weights of the tile that fades in."""
    return (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(length)


@torch.inference_mode()
def enlarge(
    picture: Image.Image, network: Callable[[Tensor], Tensor], scale: int, size: Size, side: int
) -> Iterator[tuple[Image.Image, Box]]:
    """An RGB picture through a network, to exactly `size`, which is nowhere smaller than the picture.

    scale: how many times larger the network's answer is; the difference to `size` is resampled (Lanczos), tile by
    tile. side: of a tile. Yields the result so far, always the same, and the box that is new in it.
    """
    canvas = Canvas(size, (fade(size[0] / picture.width), fade(size[1] / picture.height)))
    for down, across in product(spans(picture.height, side), spans(picture.width, side)):
        return_freed_memory()  # else the pieces of the picture, which is filled meanwhile, would lie between the tile's
        tile = np.asarray(picture.crop((across.begin, down.begin, across.end, down.end)))
        answer = through(tile, network, scale)
        columns = Axis(across, picture.width, size[0], scale)
        rows = Axis(down, picture.height, size[1], scale)
        box = canvas.put(resampled(answer, columns, rows), columns.first, rows.first)
        yield canvas.picture, box


def fade(ratio: float) -> int:
    return int(FADE * ratio)


class Axis:
    """Where a tile lies in the result, on one axis. first, last: in the result. begin, end: in the network's answer."""

    def __init__(self, span: Span, length: int, wanted: int, scale: int) -> None:
        ratio = wanted / length
        self.first = round(span.own_begin * ratio) - fade(ratio) if span.own_begin else 0
        self.last = round(span.own_end * ratio) + fade(ratio) if span.own_end < length else wanted
        self.begin = max(0.0, (self.first / ratio - span.begin) * scale)
        self.end = min(float((span.end - span.begin) * scale), (self.last / ratio - span.begin) * scale)


def through(tile: Levels, network: Callable[[Tensor], Tensor], scale: int) -> Levels:
    """A tile (h, w, 3) -> (h * scale, w * scale, 3)."""
    height, width = tile.shape[:2]
    missing = ((0, max(0, LEAST - height)), (0, max(0, LEAST - width)), (0, 0))
    pixels = torch.from_numpy(np.pad(tile, missing, "edge")).permute(2, 0, 1)[None] / 255
    answer = network(pixels)[0, :, : height * scale, : width * scale]
    return (answer.float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def resampled(answer: Levels, columns: Axis, rows: Axis) -> Floats:
    """The part of a network's answer that lies in the result, in the result's size."""
    size = (columns.last - columns.first, rows.last - rows.first)
    box = (columns.begin, rows.begin, columns.end, rows.end)
    left, top, right, bottom = map(int, box)
    if (right - left, bottom - top) == size and all(edge.is_integer() for edge in box):
        return answer[top:bottom, left:right].astype(np.float32)
    return np.asarray(Image.fromarray(answer).resize(size, Image.Resampling.LANCZOS, box)).astype(np.float32)
