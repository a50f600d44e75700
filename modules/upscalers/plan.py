"""How a picture is cut into tiles: where each begins and ends, and where two of them fade into each other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

OVERLAP = 16  # pixels a tile sees beyond its own part on each side; the windows of Swin networks are 8 or 16 wide too
FADE = 4  # pixels on each side of a seam in which a tile fades into the next
LARGEST = 512  # pixels of a tile's side, so that a cancelled job ends soon and progress is seen on any device
SMALLEST = 3 * OVERLAP  # of a square tile
LEAST = 2 * OVERLAP  # pixels of any side; smaller pictures are continued with their edge before a network sees them


@dataclass(frozen=True)
class Span:
    """One axis of a tile. begin, end: what the network sees. own_begin, own_end: seams, or edges of the picture."""

    begin: int
    own_begin: int
    own_end: int
    end: int


def spans(length: int, side: int) -> list[Span]:
    """Cut `length` pixels into tiles of at most `side` (48 or more), with seams as even as multiples of 16 allow.

    All tiles are equally long (at the far edge up to 15 pixels shorter): those at an edge of the picture see more of
    their neighbour. Other shapes would need other pieces of memory, and the gaps between them add up. Tiles begin at
    multiples of 16, so that a network's windows lie where they would in the whole picture.
    """
    if length <= side:
        return [Span(0, 0, length, length)]
    most = (side - 2 * OVERLAP) // OVERLAP * OVERLAP
    count = -(-length // most)
    core = -(-length // (count * OVERLAP)) * OVERLAP
    whole = core + 2 * OVERLAP
    latest = -(-(length - whole) // OVERLAP) * OVERLAP  # where the last one begins
    seams = [*range(0, length - OVERLAP // 2, core), length]
    begins = (min(max(0, first - OVERLAP), latest) for first in seams)
    return [
        Span(begin, first, last, min(length, begin + whole))
        for begin, (first, last) in zip(begins, pairwise(seams), strict=False)
    ]


def tile_side(budget: int, bytes_a_pixel: float) -> int:
    """The side of the largest square tile whose work fits into `budget` bytes, within 48 to 512 pixels."""
    return int(min(LARGEST, max(SMALLEST, (budget / bytes_a_pixel) ** 0.5)))
