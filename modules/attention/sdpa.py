"""PyTorch's scaled_dot_product_attention: fused on every device, and the default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modules.attention.base import KERNELS

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


class Sdpa:
    def why_not(self, device_kind: str) -> str:
        return ""

    def compute(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        from torch.nn import functional

        mixed: Tensor = functional.scaled_dot_product_attention(q, k, v)
        return mixed

    def use(self, network: Module) -> None:
        from modules.attention.lse import fused
        from modules.attention.processor import KernelProcessor

        diffusers_network: Any = network
        diffusers_network.set_attn_processor(KernelProcessor(self.compute, fused))


KERNELS.add("sdpa", Sdpa())
