"""Which attention kernel a device gets, and why, in plain words."""

from __future__ import annotations

from modules.attention.base import KERNELS

DEFAULT = "sdpa"


def choose(device_kind: str, wanted: str) -> tuple[str, str]:
    """(name in `KERNELS`, reason). wanted: "automatic" or a name. Raises UnknownName."""
    if wanted == "automatic":
        return DEFAULT, "PyTorch's fused attention works on every device and is fast"
    name = KERNELS.canonical(wanted)
    if reason := KERNELS[name].why_not(device_kind):
        return DEFAULT, f"{name} was asked for, but {reason}"
    return name, "it was asked for"
