"""Two checkpoints change places in memory while something depends on where the weights of one of them lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modules.core.family import Family
from modules.families.base import Holds

if TYPE_CHECKING:
    from torch.nn import Module


def exchange(old: Family, new: Family) -> bool:
    """`new` gets the parts that `old` holds, with its own weights copied into them, and `old` those of `new`.

    False, and nothing is changed, where their shapes differ.
    """
    if not (isinstance(old, Holds) and isinstance(new, Holds)):
        return False
    parts = {part: (old.networks[part], new.networks.get(part)) for part in old.held}
    if not all(other is not None and _shapes(one) == _shapes(other) for one, other in parts.values()):
        return False
    for one, other in parts.values():
        if other is not None:
            _exchange(one, other)
    theirs = {part: new.networks[part] for part in parts}
    new.take_over({part: old.networks[part] for part in parts}, old.held)
    old.take_over(theirs, ())
    return True


def _shapes(network: Module) -> dict[str, object]:
    return {name: (weight.shape, weight.dtype) for name, weight in network.named_parameters()}


def _exchange(held: Module, other: Module) -> None:
    """The weights of the one into the memory of the other, which gets those that were there."""
    theirs = dict(other.named_parameters())
    for name, weight in held.named_parameters():
        before = weight.data.to(theirs[name].device, copy=True)
        weight.data.copy_(theirs[name].data)
        theirs[name].data = before
