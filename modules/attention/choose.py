"""Which attention kernel a device gets, and why, in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modules.attention.base import KERNELS
from modules.attention.measure import DEFAULT, Result, benchmark

WORTH = 1.1  # times as fast as the default another kernel must be
EXACT = 2.0  # times the default's error it may have at most

Measure = Callable[[str, str, int], Mapping[str, Result]]


def choose(
    device_kind: str, wanted: str, dtype: str = "fp32", head_size: int = 40, measure: Measure = benchmark
) -> tuple[str, str]:
    """(name in `KERNELS`, reason). wanted: "automatic" or a name. dtype: "fp32", "bf16" or "fp16".

    head_size: numbers each head of the network has for a token. One that cannot be used is replaced by the default.
    """
    if wanted == "automatic":
        return _best(measure(device_kind, dtype, head_size))
    if wanted not in KERNELS:  # its extension is off
        return DEFAULT, f"{wanted} was asked for, but it is not there"
    name = KERNELS.canonical(wanted)
    if reason := KERNELS[name].why_not(device_kind):
        return DEFAULT, f"{name} was asked for, but {reason}"
    return name, "it was asked for"


def _best(results: Mapping[str, Result]) -> tuple[str, str]:
    """The fastest of those that are exact enough, if it is worth leaving the default."""
    default = results[DEFAULT]
    fast = {name: result.seconds for name, result in results.items() if name != DEFAULT}
    exact = {name: fast[name] for name in fast if results[name].error <= EXACT * default.error}
    name = min(exact, key=lambda name: exact[name], default=DEFAULT)
    gain = default.seconds / results[name].seconds
    if name != DEFAULT and gain >= WORTH:
        return name, f"measured here: {gain:.1f} times as fast as PyTorch's own, and as exact"
    left_out = [name for name in fast if name not in exact and default.seconds / fast[name] >= WORTH]
    if left_out:
        return DEFAULT, f"measured here: {left_out[0]} is faster, but its error is more than twice as large"
    return DEFAULT, "measured here: no other is faster by a tenth"
