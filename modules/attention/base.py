"""What an attention kernel must offer, and the table of them. Importable without torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from modules.core.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

Compute = Callable[["Tensor", "Tensor", "Tensor"], "Tensor"]
"""compute(q, k, v): (batch, heads, tokens, width) each -> the same for the queries."""


class Kernel(Protocol):
    """One way to compute softmax(QK^T)V."""

    def why_not(self, device_kind: str) -> str:
        """Why it cannot be used on this kind of device, in plain words; empty if it can."""
        ...

    def compute(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The sum itself: (batch, heads, tokens, width) each."""
        ...

    def use(self, network: Module) -> None:
        """Make a diffusers network compute its attention so."""
        ...


@runtime_checkable
class Particular(Protocol):
    """A kernel that computes some layers itself and leaves others to PyTorch's own."""

    def fits(self, dtype: str, head_size: int) -> bool:
        """Whether it computes these itself. dtype: "fp32", "bf16" or "fp16". head_size: numbers of a head."""
        ...


KERNELS: Registry[Kernel] = Registry("attention kernel")
