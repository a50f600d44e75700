"""Looking at cross-attention while a network computes it. What it computes stays the same to the bit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modules.attention.processor import KernelProcessor
from modules.core.errors import BadRequest
from modules.core.moments import WordAttention

if TYPE_CHECKING:
    from torch.nn import Module


@contextmanager
def watching(network: Module, see: Callable[[WordAttention], None], layers: Collection[str]) -> Iterator[None]:
    """Within it `see` is shown what each of these cross-attentions compares. layers: their names in the network.

    What `see` raises ends the network's call. Raises BadRequest for a layer whose kernel cannot be watched.
    """
    watched: list[tuple[KernelProcessor, Any]] = []
    try:
        for name in layers:
            attention: Any = network.get_submodule(name)
            processor = attention.processor
            if not isinstance(processor, KernelProcessor):
                raise BadRequest(
                    f"{type(processor).__name__} computes the attention of {name} and cannot be watched",
                    "choose another attention kernel",
                )
            processor.watch(attention, name, see)
            watched.append((processor, attention))
        yield
    finally:
        for processor, attention in watched:
            processor.unwatch(attention, see)
