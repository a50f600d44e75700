"""What a model family must offer to be listed, recognised and loaded, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from modules.core.family import CheckpointCard, Family
from modules.core.registry import Registry
from modules.families.device import Device
from modules.families.header import Header

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from modules.families.placement import Placement
    from modules.families.spare import Spare

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
        self,
        name: str,
        header: Header,
        device: Device,
        short_hash: ShortHash,
        vae: VaeFile | None = None,
        spare: Spare | None = None,
    ) -> Generator[tuple[int, int], None, Family]:
        """Yields (bytes done, bytes in all), returns the family. Raises BadCheckpoint.

        short_hash: asks for the file's A1111 hash, which may become known only later. vae: instead of the file's own.
        spare: networks whose memory may be written over.
        """
        ...


@dataclass(frozen=True)
class Prepared:
    """Weights by "<part>/<name>" as a device computes with them. shapes: as they are written, before any is read.

    Images' weights have their channels last: (out, rows, columns, in).
    """

    shapes: Mapping[str, tuple[int, ...]]
    tensors: Iterator[tuple[str, Tensor]]


@runtime_checkable
class Prepares(Protocol):
    """A `FamilyLoader` whose `load` takes weights from `Header.prepared` where that is given."""

    def prepare(self, header: Header, device: Device) -> Prepared:
        """What to write into such a copy, in its order. Raises BadCheckpoint."""
        ...


@runtime_checkable
class Moves(Protocol):
    """A family whose weights need not all be on the device while it paints."""

    @property
    def placement(self) -> Placement: ...

    def rest(self) -> None:
        """All weights that come and go leave the device. Adapters may change them only then."""
        ...


@runtime_checkable
class Plans(Protocol):
    """A family whose networks can take another checkpoint's weights when nobody uses it any more."""

    @property
    def plans(self) -> Mapping[str, object]:
        """What each part was built from: networks of equal plans differ in nothing but weights."""
        ...


@runtime_checkable
class Holds(Protocol):
    """A family some of whose parts keep their place in memory when another checkpoint comes: a graph depends on it."""

    held: set[str]

    @property
    def networks(self) -> Mapping[str, Module]: ...

    def take_over(self, networks: Mapping[str, Module], held: Iterable[str]) -> None:
        """Other modules, with this checkpoint's weights in them, take the place of some of its own."""
        ...


def rest(family: Family) -> None:
    """`Moves.rest`, for any family."""
    if isinstance(family, Moves):
        family.rest()


def placement_of(family: Family | None) -> Placement | None:
    """Where its weights are; None for a family that has them all on the device, always."""
    return family.placement if isinstance(family, Moves) else None


def held_by(family: Family | None) -> set[str]:
    """The parts whose weights keep their place in memory."""
    return family.held if isinstance(family, Holds) else set()


FAMILIES: Registry[FamilyLoader] = Registry("model family")
