"""How large the answer to a request is. Importable without torch, so that a size is refused before a job waits."""

from __future__ import annotations

from dataclasses import dataclass

from modules.core.errors import BadRequest
from modules.core.request import MAX_PIXELS
from modules.core.upscaling import UpscaleRequest

Size = tuple[int, int]  # width and height in pixels


@dataclass(frozen=True)
class Target:
    """enlarged: the whole picture after upscaling. cut: what is left of its middle; the same where nothing is cut."""

    enlarged: Size
    cut: Size


def target(source: Size, request: UpscaleRequest) -> Target:
    """The sizes a request asks for a picture of size `source`. Raises BadRequest above 64 megapixels.

    With a width or a height alone the other side follows from the picture's shape. With both the picture fits inside,
    or, with `crop`, fills them and is cut.
    """
    width, height = source
    wanted = (request.width, request.height)
    shares = [side / now for side, now in zip(wanted, source, strict=True) if side]
    share = (max(shares) if request.crop else min(shares)) if shares else request.scale
    enlarged = (max(1, round(width * share)), max(1, round(height * share)))
    check_pixels(enlarged)
    if request.crop and all(wanted):
        return Target((max(enlarged[0], wanted[0]), max(enlarged[1], wanted[1])), wanted)
    return Target(enlarged, enlarged)


def check_pixels(size: Size) -> None:
    """Raises BadRequest above 64 megapixels."""
    width, height = size
    if width * height > MAX_PIXELS:
        raise BadRequest(
            f"the picture would have {width} × {height} pixels, {width * height / 1e6:.0f} million; "
            f"at most {MAX_PIXELS / 1e6:.0f} million are allowed",
            "choose a smaller scale or size",
        )


def passes(source: Size, wanted: Size, scale: int) -> list[Size]:
    """What each pass of a network that makes everything `scale` times larger should end with.

    It is used again and again until nothing is too small (as often as its answer stays below 64 megapixels). The last
    pass ends with the wanted size, or with the source's where less is wanted: the rest is resampled.
    """
    sizes: list[Size] = []
    width, height = source
    while True:
        width, height = width * scale, height * scale
        large_enough = width >= wanted[0] and height >= wanted[1]
        if scale == 1 or large_enough or width * height > MAX_PIXELS:
            return [*sizes, (max(wanted[0], source[0]), max(wanted[1], source[1]))]
        sizes.append((width, height))
