"""A large picture through a VAE in overlapping tiles, blended where they overlap: memory stays that of one tile."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def tiled(work: Callable[[Tensor], Tensor], x: Tensor, tile: int, overlap: int) -> Tensor:
    """work(x) for x (batch, c, h, w), made from tiles of `tile` cells a side; neighbours share `overlap` cells.

    work: makes every side larger or smaller by one whole factor.
    """
    whole: Tensor | None = None
    for top in starts(x.shape[-2], tile, overlap):
        for left in starts(x.shape[-1], tile, overlap):
            piece = work(x[..., top : top + tile, left : left + tile])
            if whole is None:
                up, seen = piece.shape[-1], min(tile, x.shape[-1])
                sides = [side * up // seen for side in x.shape[-2:]]
                whole = piece.new_zeros(*piece.shape[:2], *sides, dtype=torch.float32)
                weights = piece.new_zeros(1, 1, *sides, dtype=torch.float32)
            y, x_ = top * up // seen, left * up // seen
            window = (..., slice(y, y + piece.shape[-2]), slice(x_, x_ + piece.shape[-1]))
            ramp = feather(piece.shape[-2:], overlap * up // seen).to(whole)
            whole[window] += piece * ramp
            weights[window] += ramp
    assert whole is not None
    return whole / weights


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin, so that they cover `length` and the last one ends with it."""
    if length <= tile:
        return [0]
    return [*range(0, length - tile, tile - overlap), length - tile]


def feather(sides: torch.Size, overlap: int) -> Tensor:
    """(1, 1, h, w): 1 inside, falling in a straight line over `overlap` cells towards every edge, never 0."""
    falls = [
        torch.minimum(torch.arange(side), torch.arange(side - 1, -1, -1)).add(1).div(overlap + 1).clamp(max=1)
        for side in sides
    ]
    return (falls[0][:, None] * falls[1])[None, None]
