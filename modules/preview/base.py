"""What a preview method must offer, and the table of them. Importable without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from modules.core.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from modules.core.family import Family


@dataclass(frozen=True)
class Places:
    """cache: where fits are kept. models: folders with `VAE-approx` and other kinds of weights."""

    cache: Path
    models: tuple[Path, ...]


class Preview(Protocol):
    """One way to show latents. It must not keep the family: a checkpoint that was swapped has to be forgotten."""

    def suits(self, family: Family) -> bool:
        """Whether it can show this family's latents here."""
        ...

    def pixels(self, family: Family, latents: Tensor) -> Tensor:
        """Latents (batch, c, h, w) -> (batch, 3, any height, any width) in 0..1."""
        ...


PREVIEWS: Registry[Callable[[Places], Preview]] = Registry("preview")
