"""Attention, and beside it each query's log-sum-exp, from which the probability of any single key follows exactly."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TYPE_CHECKING, Any

from modules.attention.base import Compute
from modules.attention.sdpa import in_vectors

if TYPE_CHECKING:
    from torch import Tensor

WithLse = Callable[["Tensor", "Tensor", "Tensor"], "tuple[Tensor, Tensor]"]
"""compute(q, k, v) and the log-sum-exp of the same queries: (batch, heads, queries), fp32."""


def log_sum_exp(q: Tensor, k: Tensor) -> Tensor:
    """log sum_j exp(q k_j / sqrt(width)): (batch, heads, queries), fp32. q, k: (batch, heads, tokens, width)."""
    return ((q.float() / sqrt(q.shape[-1])) @ k.float().transpose(-1, -2)).logsumexp(-1)


def beside(compute: Compute) -> WithLse:
    """For kernels that keep their sums to themselves: they compute as ever, and the sums are computed once more."""
    return lambda q, k, v: (compute(q, k, v), log_sum_exp(q, k))


def fused(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """What scaled_dot_product_attention answers, to the bit, with the sums that PyTorch's CPU kernel has anyway."""
    import torch
    from torch.nn.attention import SDPBackend

    hidden: Any = torch
    keys, values, mask = in_vectors(k, v)
    if q.device.type == "cpu" and hidden._fused_sdp_choice(q, keys, values, mask) == SDPBackend.FLASH_ATTENTION.value:
        mixed, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, keys, values, attn_mask=mask)
        return mixed, lse
    mixed = torch.nn.functional.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
    return mixed, log_sum_exp(q, k)
