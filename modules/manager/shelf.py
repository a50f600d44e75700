"""Checkpoints that wait in memory to be used again. The least recently used leaves first; equal parts are held once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING

from modules.core.family import Family
from modules.families.base import held_by, rest

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


class Shelf:
    """budget: bytes that waiting checkpoints may take together; the one in use does not count."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._waiting: OrderedDict[Hashable, Family] = OrderedDict()

    def put(self, key: Hashable, family: Family) -> list[Family]:
        """Keep it, in RAM. What no longer fits leaves, and is given out: one that would not fit alone at once."""
        rest(family)
        if held([family]) > self.budget:
            return [family]
        for part, network in family.networks.items():
            if next(network.parameters()).device.type != "cpu":
                network.to("cpu")
                held_by(family).discard(part)
        self.share(family)
        self._waiting[key] = family
        left = []
        while self._waiting and held(self._waiting.values()) > self.budget:
            left.append(self._waiting.popitem(last=False)[1])
        return left

    def take(self, key: Hashable) -> Family | None:
        """Give it out, if it is here."""
        return self._waiting.pop(key, None)

    def __iter__(self) -> Iterator[Family]:
        """Those that wait, the one used longest ago first."""
        return iter(self._waiting.values())

    def drop(self) -> bool:
        """Let the one go that was used longest ago; whether there was one."""
        return bool(self._waiting and self._waiting.popitem(last=False))

    def clear(self) -> None:
        self._waiting.clear()

    def share(self, family: Family) -> None:
        """Where a part equals one that waits here, weight for weight, both use the same memory."""
        for part, network in family.networks.items():
            if part in held_by(family):  # it keeps its place
                continue
            others = (one for one in self._waiting.values() if part in one.networks and part not in held_by(one))
            twins = (other.networks[part] for other in others)
            twin = next((twin for twin in twins if twin is not network and _equal(network, twin)), None)
            if twin is not None:
                theirs = dict(twin.named_parameters())
                for name, parameter in network.named_parameters():
                    parameter.data = theirs[name].data


def held(families: Iterable[Family]) -> int:
    """Bytes of their weights, shared ones once."""
    sizes: dict[int, int] = {}
    for family in families:
        for network in family.networks.values():
            for parameter in network.parameters():
                storage = parameter.data.untyped_storage()
                sizes[storage.data_ptr()] = storage.nbytes()
    return sum(sizes.values())


def _equal(one: Module, other: Module) -> bool:
    """Weight for weight; small weights first, because they tell most pairs apart."""
    import torch

    ours, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    if ours.keys() != theirs.keys():
        return False
    pairs = sorted(((ours[name].data, theirs[name].data) for name in ours), key=lambda pair: pair[0].numel())
    return all(a.data_ptr() == b.data_ptr() or (_alike(a, b) and torch.equal(a, b)) for a, b in pairs)


def _alike(a: Tensor, b: Tensor) -> bool:
    return (a.dtype, a.device, a.shape, a.stride()) == (b.dtype, b.device, b.shape, b.stride())
