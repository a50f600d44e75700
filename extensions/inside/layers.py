"""Which cross-attentions say where words look, and on which grid each of them sees the picture."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from modules.hooks import BadRequest, Family

PARTS = (0.25, 0.5)  # of the latent's side: finer ones look at texture, coarser ones at nothing (Hertz et al. 2022)
SMALL = 16  # cells of a side up to which the whole grid counts too


def layers_of(family: Family, rows: int, columns: int) -> list[str]:
    """Names of the decoder's cross-attentions at a quarter and half of the latent's side; all if there are none there.

    rows, columns: of the latents. None for a family that has no layers of its own for words.
    """
    network: Any = family.networks.get("unet")
    blocks: Sequence[Any] = getattr(network, "up_blocks", ())
    found: dict[str, float] = {}
    for index, block in enumerate(blocks):
        part = 0.5 ** sum(bool(later.upsamplers) for later in blocks[index:])
        named = block.named_modules(prefix=f"up_blocks.{index}")
        found |= {name: part for name, _ in named if name.endswith(".attn2")}
    parts = {*PARTS, 1.0} if max(rows, columns) <= SMALL else {*PARTS}
    return [name for name, part in found.items() if part in parts] or list(found)


def grid_of(places: int, rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns of a layer that sees so many places of latents of rows x columns: halved, rounded up."""
    height, width = rows, columns
    while height * width > places:
        height, width = ceil(height / 2), ceil(width / 2)
    if height * width != places:
        raise BadRequest(f"a layer with {places} places does not fit latents of {rows} x {columns}")
    return height, width
