"""PyTorch's scaled_dot_product_attention: fused on every device, and the default."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from modules.attention.base import KERNELS

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

VECTOR = 16  # numbers a processor computes at a time
FEW = 512  # keys: more are computed in blocks of as many, and what is left over matters less than a mask


def in_vectors(k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Keys and values (batch, heads, tokens, width) as the kernel for processors takes them best, and their mask.

    The 77 tokens of a prompt end in the middle of a vector, and take twice as long as 80 of which three count nothing.
    """
    from torch.nn.functional import pad

    tokens = k.shape[-2]
    more = -tokens % VECTOR
    if k.device.type != "cpu" or tokens > FEW or not more:
        return k, v, None
    mask = k.new_zeros(1, 1, 1, tokens + more)
    mask[..., tokens:] = -inf
    return pad(k, (0, 0, 0, more)), pad(v, (0, 0, 0, more)), mask


class Sdpa:
    def why_not(self, device_kind: str) -> str:
        return ""

    def compute(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        from torch.nn import functional

        k, v, mask = in_vectors(k, v)
        mixed: Tensor = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return mixed

    def use(self, network: Module) -> None:
        from modules.attention.lse import fused
        from modules.attention.processor import KernelProcessor

        diffusers_network: Any = network
        diffusers_network.set_attn_processor(KernelProcessor(self.compute, fused))


KERNELS.add("sdpa", Sdpa())
