"""Which device computes, and in which precision. Half precision on a CPU only where it pays, and never as fp16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modules.attention.choose import Measure, choose
from modules.attention.measure import benchmark
from modules.core.scarcity import ram_free, resident

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Device:
    """kind: "cuda", "mps", "xpu" or "cpu", as torch names it. dtype: "fp32", "bf16" or "fp16".

    channels_last: whether weights of convolutions are kept in that order. attention: "automatic" or one of `KERNELS`.
    measure: how fast and exact the kernels are here. budget: bytes that may be used of its memory; 0 is all.
    compiled: whether layers are compiled for it.
    apart: whether it has memory of its own. offload: "automatic", or one of placement.MODES.
    tighter: so many modes smaller than would fit by what is known. home: where weights are put first, if not here.
    """

    kind: str
    dtype: str
    channels_last: bool
    attention: str
    measure: Measure = benchmark
    budget: int = 0
    compiled: bool = False
    apart: bool = False
    offload: str = "automatic"
    tighter: int = 0
    home: str = ""

    def kernel(self, head_size: int) -> tuple[str, str]:
        """(name in `KERNELS`, why that one) for a network whose heads have so many numbers a token."""
        return choose(self.kind, self.attention, self.dtype, head_size, self.measure)

    def empty(self) -> None:
        """Give back what the device keeps for later."""
        import torch

        if self.kind in {"cuda", "xpu", "mps"}:
            getattr(torch, self.kind).empty_cache()

    def free(self) -> int | None:
        """Bytes there are for work, within the budget; None where a card does not say."""
        available, used = memory_of(self.kind)
        left = [] if available is None else [available]
        left += [self.budget - used] if self.budget else []
        return max(0, min(left)) if left else None

    @property
    def torch_dtype(self) -> torch.dtype:
        import torch

        return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.dtype]

    @property
    def wide_dtype(self) -> str:
        """For networks that overflow in fp16: bf16 where the device has units for it, else fp32."""
        import torch

        if self.dtype != "fp16":
            return self.dtype
        return "bf16" if self.kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"

    @property
    def title(self) -> str:
        """Its name for a picture's record."""
        import torch

        return torch.cuda.get_device_name() if self.kind == "cuda" else self.kind


def memory_of(kind: str) -> tuple[int | None, int]:
    """Bytes that are free on a device, and those that this process uses.

    What torch keeps of a card for later is free for its next work. Some of Intel's cards do not say what is free.
    """
    import torch

    if kind not in {"cuda", "xpu"}:
        return ram_free(), resident()
    card: Any = getattr(torch, kind)
    used = card.memory_allocated()
    try:
        return card.mem_get_info()[0] + card.memory_reserved() - used, used
    except RuntimeError:
        return None, used


def pick_device(
    use_cpu: bool,
    precision: str,
    attention: str,
    measure: Measure = benchmark,
    budget: int = 0,
) -> Device:
    """The best device there is, or the CPU. precision: "auto", "fp32" or "bf16"."""
    kind = "cpu" if use_cpu else _accelerator()
    dtype = _best_dtype(kind) if precision == "auto" else precision
    return Device(
        kind,
        dtype,
        channels_last=kind in {"cpu", "cuda"},
        attention=attention,
        measure=measure,
        budget=budget,
        apart=kind in {"cuda", "xpu"},
    )


def _accelerator() -> str:
    import torch

    found = {"cuda": torch.cuda.is_available(), "xpu": torch.xpu.is_available(), "mps": torch.mps.is_available()}
    return next((kind for kind, there in found.items() if there), "cpu")


def _best_dtype(kind: str) -> str:
    """fp16 on GPUs, as in A1111. On a CPU bf16 is 2.8 times faster than fp32, fp16 130 times slower than bf16."""
    if kind != "cpu":
        return "fp16"
    return "bf16" if cpu_has_bf16() else "fp32"


def cpu_has_bf16() -> bool:
    """Whether oneDNN computes in bf16 and the CPU has instructions for it (AVX512-bf16 or AMX)."""
    import torch

    has_units = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return has_units and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
