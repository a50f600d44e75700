"""Networks that nobody uses any more: the next checkpoint of the same plan is written into their memory.

Memory that is new to a process is handed out by the system page by page, filled with zeros, which takes longer than
writing weights into it: what is at hand is worth keeping, and so are the modules around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from modules.core.family import Family
from modules.families.base import Plans, held_by, placement_of
from modules.families.placement import WHOLE

if TYPE_CHECKING:
    from torch.nn import Module


class Spare:
    """networks, plans: by part. What is not taken is given back with `clear`, or when this is forgotten."""

    def __init__(self, networks: Mapping[str, Module] | None = None, plans: Mapping[str, object] | None = None) -> None:
        self._networks = dict(networks or {})
        self._plans = plans or {}

    def take(self, part: str, plan: object) -> Module | None:
        """The network of a part, if it was built from an equal plan."""
        network = self._networks.pop(part, None)
        return network if network is not None and self._plans[part] == plan else None

    def clear(self) -> None:
        self._networks.clear()

    @property
    def size(self) -> int:
        """Bytes of their weights."""
        return sum(weight.nbytes for network in self._networks.values() for weight in network.parameters())


def spare_of(family: Family, used: Iterable[Module]) -> Spare:
    """The networks of a family that is about to be forgotten, but for those that share weights with some in use.

    None of one whose weights come and go, or must keep their place.
    """
    placement = placement_of(family)
    if not isinstance(family, Plans) or held_by(family) or (placement is not None and placement.mode != WHOLE):
        return Spare()
    places = {place for network in used for place in _places(network)}
    free = {part: network for part, network in family.networks.items() if places.isdisjoint(_places(network))}
    return Spare(free, family.plans)


def _places(network: Module) -> set[int]:
    """Where its weights lie."""
    return {weight.untyped_storage().data_ptr() for weight in network.parameters()}
