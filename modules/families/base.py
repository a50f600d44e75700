"""What a model family must offer to be listed, recognised and loaded, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from modules.core.family import CheckpointCard, Family
from modules.core.registry import Registry
from modules.families.device import Device
from modules.families.header import Header

ShortHash = Callable[[], str | None]


@dataclass(frozen=True)
class VaeFile:
    """A VAE from a file of its own. short_hash: as a checkpoint's."""

    header: Header
    short_hash: ShortHash

    @property
    def facts(self) -> dict[str, str]:
        """A1111's words for a picture's record."""
        known = self.short_hash()
        return {**({"VAE hash": known} if known else {}), "VAE": self.header.path.name}


class FamilyLoader(Protocol):
    """One kind of checkpoint. `matches` and `card` read the header only and need no torch."""

    def matches(self, header: Header) -> bool:
        """Whether names and shapes are this family's."""
        ...

    def card(self, name: str, header: Header) -> CheckpointCard:
        """What the header says about a checkpoint of this family. Raises BadCheckpoint."""
        ...

    def load(
        self, name: str, header: Header, device: Device, short_hash: ShortHash, vae: VaeFile | None = None
    ) -> Generator[tuple[int, int], None, Family]:
        """Yields (bytes done, bytes in all), returns the family. Raises BadCheckpoint.

        short_hash: asks for the file's A1111 hash, which may become known only later. vae: instead of the file's own.
        """
        ...


FAMILIES: Registry[FamilyLoader] = Registry("model family")
