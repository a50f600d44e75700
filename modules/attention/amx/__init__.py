"""Attention in the matrix units of Intel's processors (AMX): no other kernel here is as fast on them."""

from __future__ import annotations

import platform
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modules.attention.base import KERNELS
from modules.native import has_numba

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from modules.attention.amx.run import Attention

WIDEST = 256  # numbers of a head


class Amx:
    def why_not(self, device_kind: str) -> str:
        import torch

        if device_kind != "cpu":
            return f"amx is for processors, this is {device_kind}"
        if not (torch.cpu._is_amx_tile_supported() and torch.cpu._is_avx512_bf16_supported()):
            return "amx needs a processor with AMX (Intel's Xeon of 2023 and later), this one has none"
        if platform.system() != "Linux" or not torch.cpu._init_amx():  # where nobody allows them they end the process
            return "amx needs a system that lets programs use the processor's tiles: Linux 5.16 or later"
        return "" if has_numba() else "amx needs the package numba"

    def fits(self, dtype: str, head_size: int) -> bool:
        return dtype == "bf16" and head_size <= WIDEST

    def compute(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if not _takes(q, k, v):
            return KERNELS["sdpa"].compute(q, k, v)
        return self._attention(q, k, v)[0]

    def with_lse(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and each query's log-sum-exp."""
        from modules.attention.lse import fused

        if not _takes(q, k, v):
            return fused(q, k, v)
        mixed, lse = self._attention(q, k, v, with_lse=True)
        assert lse is not None
        return mixed, lse

    def use(self, network: Module) -> None:
        from modules.attention.processor import KernelProcessor

        diffusers_network: Any = network
        diffusers_network.set_attn_processor(KernelProcessor(self.compute, self.with_lse))

    @cached_property
    def _attention(self) -> Attention:
        from modules.attention.amx.run import Attention

        return Attention()


def _takes(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Not fp32 (a VAE's), not what gradients are wanted of, not layouts with gaps between numbers, not nothing."""
    import torch

    given = (q, k, v)
    plain = all(one.dtype == torch.bfloat16 and one.device.type == "cpu" and one.stride(-1) == 1 for one in given)
    wanted = torch.is_grad_enabled() and any(one.requires_grad for one in given)
    return plain and not wanted and q.shape[-1] <= WIDEST and all(one.numel() for one in given)


KERNELS.add("amx", Amx())
