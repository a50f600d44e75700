"""xformers' memory-efficient attention: NVIDIA cards only, and only after it has computed something."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from modules.attention.base import KERNELS

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

logging.getLogger("xformers").setLevel(logging.ERROR)  # it warns at each import of diffusers; `why_not` says more


class Xformers:
    def why_not(self, device_kind: str) -> str:
        if device_kind != "cuda":
            return f"xformers runs on NVIDIA cards only, this is {device_kind}"
        return _probe()

    def compute(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        from xformers.ops import memory_efficient_attention  # type: ignore[import-untyped]

        mixed: Tensor = memory_efficient_attention(*(one.transpose(1, 2).contiguous() for one in (q, k, v)))
        return mixed.transpose(1, 2)

    def use(self, network: Module) -> None:
        from modules.attention.processor import KernelProcessor

        diffusers_network: Any = network
        diffusers_network.set_attn_processor(KernelProcessor(self.compute))


def _probe() -> str:
    """Run it once: a version that does not fit this PyTorch imports and fails only when used."""
    import torch

    try:
        from xformers.ops import memory_efficient_attention

        queries = torch.ones(1, 8, 1, 40, dtype=torch.float16, device="cuda")
        memory_efficient_attention(queries, queries, queries)
    except (ImportError, OSError, NotImplementedError, RuntimeError) as error:
        return f"xformers does not work here: {str(error).splitlines()[0]:.120}"
    return ""


KERNELS.add("xformers", Xformers())
