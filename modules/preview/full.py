"""The checkpoint's own VAE: exact, and often slower than a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modules.preview.base import PREVIEWS, Places

if TYPE_CHECKING:
    from torch import Tensor

    from modules.core.family import Family


class Full:
    def __init__(self, places: Places) -> None:
        pass

    def suits(self, family: Family) -> bool:
        return True

    def pixels(self, family: Family, latents: Tensor) -> Tensor:
        return family.decode(latents)


PREVIEWS.add("full", Full)
