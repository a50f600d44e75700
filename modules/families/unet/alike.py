"""Rows of a batch that are equal are computed once.

Guidance asks a U-Net about the same latents with different words. Until its first layer that attends to words (its
second attention, in Stable Diffusion 1 and 2) all rows are the same; they are one in memory (`Tensor.expand`), and
layers that know it compute one. What does not know computes them all, to the same answer.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, equal, nn


def as_one(x: Tensor) -> Tensor:
    """x, its rows one in memory if they are equal."""
    return x[:1].expand_as(x) if len(x) > 1 and rows_are_equal(x) else x


def is_one(x: Tensor) -> bool:
    """Whether several rows are one in memory."""
    return len(x) > 1 and x.stride(0) == 0


def rows_are_equal(x: Tensor | None) -> bool:
    """Whether all rows are, or there are none."""
    return x is None or equal(x[1:], x[:1].expand_as(x[1:]))


def computed_once(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """layer(x) where all rows of x are one."""
    answer = layer(x[:1])
    return answer.expand(len(x), *answer.shape[1:])


def is_heard(*layers: nn.Module) -> bool:
    """Whether somebody listens to one of them or a layer inside, and may expect all rows."""
    return any(part._forward_hooks or part._forward_pre_hooks for layer in layers for part in layer.modules())
