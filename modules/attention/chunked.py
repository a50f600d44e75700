"""Attention through plain matrix products, one head and 256 queries at a time.

On CPUs the products run in oneDNN. On AMD processors PyTorch's fused attention uses a slower library: 512 queries at a
time in bf16 throughout were measured 2.35 times as fast there, but with 2.6 times the error. Here the scores keep 32
bits, which makes the error that of PyTorch's own. On Intel processors the fused kernel is several times as fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt
from typing import TYPE_CHECKING, Any

from modules.attention.base import KERNELS

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

ROWS = 256


def chunked(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(width)) v; (batch, heads, tokens, width) each."""
    import torch

    mixed = torch.empty_like(q)
    scaled = q.float() / sqrt(q.shape[-1])
    with _quick_products(exact=q.dtype == torch.float32):
        for picture in range(q.shape[0]):
            for head in range(q.shape[1]):
                keys, values = k[picture, head].float().T, v[picture, head]
                for row in range(0, q.shape[2], ROWS):
                    rows = slice(row, row + ROWS)
                    weights = (scaled[picture, head, rows] @ keys).softmax(-1).to(v.dtype)
                    mixed[picture, head, rows] = weights @ values
    return mixed


@contextmanager
def _quick_products(exact: bool) -> Iterator[None]:
    """Products of 32-bit numbers may be computed in bf16 and added up in 32 bits: what was bf16 loses nothing."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before if exact else "medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class Chunked:
    def why_not(self, device_kind: str) -> str:
        return ""

    def compute(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return chunked(q, k, v)

    def use(self, network: Module) -> None:
        from modules.attention.processor import KernelProcessor

        diffusers_network: Any = network
        diffusers_network.set_attn_processor(KernelProcessor(chunked))


KERNELS.add("chunked", Chunked())
