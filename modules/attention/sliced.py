"""Attention one head at a time: slow, and for devices with very little memory."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

from modules.attention.base import KERNELS

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


def sliced(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(width)) v; (batch, heads, tokens, width) each. Memory: tokens x tokens, once."""
    import torch

    mixed = torch.empty_like(q)
    scale = 1 / sqrt(q.shape[-1])
    for picture in range(q.shape[0]):
        for head in range(q.shape[1]):
            weights = ((q[picture, head] * scale) @ k[picture, head].T).softmax(-1)  # fp16 overflows in larger products
            mixed[picture, head] = weights @ v[picture, head]
    return mixed


class Sliced:
    def why_not(self, device_kind: str) -> str:
        return ""

    def compute(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return sliced(q, k, v)

    def use(self, network: Module) -> None:
        from modules.attention.processor import KernelProcessor

        diffusers_network: Any = network
        diffusers_network.set_attn_processor(KernelProcessor(sliced))


KERNELS.add("sliced", Sliced())
