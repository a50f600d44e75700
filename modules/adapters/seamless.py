"""Pictures that continue over their edges: every convolution sees the opposite edge beyond its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.nn import Conv2d

from modules.core.family import Family


@contextmanager
def applied(family: Family) -> Iterator[None]:
    """Circular instead of zero padding in the denoiser and the VAE, as A1111's "Tiling"."""
    found = [module for network in family.networks.values() for module in network.modules()]
    convolutions = [(module, module.padding_mode) for module in found if isinstance(module, Conv2d)]
    try:
        for module, _ in convolutions:
            module.padding_mode = "circular"
        yield
    finally:
        for module, mode in convolutions:
            module.padding_mode = mode
