"""What a machine can do with matrices, what a network asks of it, and where the time of a call goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

SIDE, ROUNDS = 2048, 8
KINDS = {  # a part of an operator's name -> its kind; the first that fits
    "scaled_dot_product": "attention",
    "convolution": "convolutions",
    "linear": "linear layers",
    "mm": "linear layers",
}
REST = "all between them"


def peak(device: str, dtype: Any) -> float:
    """FLOP a second of the best of some matrix products."""
    import torch

    one, other = (torch.randn(SIDE, SIDE, device=device).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(ROUNDS):
        began = perf_counter()
        (one @ other)[0, 0].item()  # waits for the device
        seconds.append(perf_counter() - began)
    return float(2 * SIDE**3 / min(seconds))


def flops(unet: Any, x: Any, words: Any, **more: Any) -> float:
    """FLOP of one call, counted on a copy without memory."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        copy = type(unet).from_config(unet.config).to(x.dtype)
        given = [one.to("meta") for one in (x, torch.zeros(()), words)]
    added = {name: {key: one.to("meta") for key, one in values.items()} for name, values in more.items() if values}
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        copy(*given, **added)
    return float(counter.get_total_flops())


def shares(call: Callable[[], object]) -> Mapping[str, float]:
    """Percent of a call's own time by kind of operator."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as watched:
        call()
    found: dict[str, float] = dict.fromkeys([*dict.fromkeys(KINDS.values()), REST], 0.0)
    for event in watched.key_averages():
        kind = next((kind for part, kind in KINDS.items() if part in event.key), REST)
        found[kind] += event.self_cpu_time_total
    whole = sum(found.values())
    return {kind: 100 * time / whole for kind, time in found.items()}
