"""What else diffusers offers: kernels of other packages and single ones of PyTorch's, by its own dispatcher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modules.attention.base import KERNELS

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

WIDEST = 256  # numbers of a head that fused kernels take


@dataclass(frozen=True)
class Offered:
    """backend: diffusers' name for it. on_cards: fused, for graphics cards in half precision; what it cannot take (a
    VAE in fp32, its one wide head) goes to PyTorch's own.
    """

    title: str
    backend: str
    on_cards: bool = True

    def why_not(self, device_kind: str) -> str:
        if self.on_cards and device_kind != "cuda":
            return f"{self.title} runs on graphics cards only, this is {device_kind}"
        return _probe(self, device_kind) if self.on_cards else ""

    def fits(self, dtype: str, head_size: int) -> bool:
        return not self.on_cards or (dtype != "fp32" and head_size <= WIDEST)

    def compute(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        import torch
        from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

        if self.on_cards and (q.dtype == torch.float32 or q.shape[-1] > WIDEST):
            return KERNELS["sdpa"].compute(q, k, v)
        swapped = (one.transpose(1, 2) for one in (q, k, v))  # (batch, tokens, heads, width)
        mixed: Tensor = dispatch_attention_fn(*swapped, backend=AttentionBackendName(self.backend))
        return mixed.transpose(1, 2)

    def use(self, network: Module) -> None:
        from modules.attention.processor import KernelProcessor

        diffusers_network: Any = network
        diffusers_network.set_attn_processor(KernelProcessor(self.compute))


def _probe(kernel: Offered, device_kind: str) -> str:
    """Run it once: a package may be missing, or not fit this PyTorch or this card."""
    import torch
    from diffusers.models import attention_dispatch as offers

    try:
        offers._check_attention_backend_requirements(offers.AttentionBackendName(kernel.backend))
        queries = torch.ones(1, 1, 8, 40, dtype=torch.float16, device=device_kind)
        kernel.compute(queries, queries, queries)
    except (ImportError, OSError, NotImplementedError, RuntimeError, AssertionError) as error:
        return f"{kernel.title} does not work here: {str(error).splitlines()[0]:.160}"
    return ""


KERNELS.add("flash", Offered("the package flash-attn", "flash"))
KERNELS.add("sage", Offered("the package sageattention", "sage"))
KERNELS.add("cudnn", Offered("cuDNN's attention", "_native_cudnn"))
KERNELS.add("math", Offered("PyTorch's plain formula", "_native_math", on_cards=False))
