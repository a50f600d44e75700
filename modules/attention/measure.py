"""How fast and how exact each kernel is on this machine: a benchmark of about 0.1 s per precision and head size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from modules.attention.base import KERNELS, Compute

if TYPE_CHECKING:
    from torch import Tensor

ROUNDS = 3  # the best counts; kernels take turns, so that a busy moment hits all
HEADS = 2
TOKENS = {"cpu": 1024}
TOKENS_ELSEWHERE = 4096  # a GPU is quick
NEVER_FASTEST = frozenset({"sliced", "math"})  # for those who ask for them
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


@dataclass(frozen=True)
class Result:
    """seconds: of one call. error: relative to the same sum in fp32, L2."""

    seconds: float
    error: float


def benchmark(device_kind: str, dtype: str, head_size: int) -> Mapping[str, Result]:
    """Every kernel that runs here and may be the fastest. dtype: "fp32", "bf16" or "fp16"."""
    import torch

    names = [name for name in KERNELS if name not in NEVER_FASTEST and not KERNELS[name].why_not(device_kind)]
    runs = {name: KERNELS[name].compute for name in names}
    generator = torch.Generator().manual_seed(0)
    shape = (1, HEADS, TOKENS.get(device_kind, TOKENS_ELSEWHERE), head_size)
    exact = [torch.randn(shape, generator=generator).to(device_kind, getattr(torch, DTYPES[dtype])) for _ in range(3)]
    with torch.no_grad():
        reference = KERNELS["sdpa"].compute(*(one.float() for one in exact))
        errors = {name: _error(run(*exact), reference) for name, run in runs.items()}
        seconds = [{name: _seconds(run, exact) for name, run in runs.items()} for _ in range(ROUNDS)]
    return {name: Result(min(round_[name] for round_ in seconds), errors[name]) for name in runs}


def _error(found: Tensor, reference: Tensor) -> float:
    return float((found.float() - reference).norm() / reference.norm())


def _seconds(run: Compute, inputs: list[Tensor]) -> float:
    started = perf_counter()
    run(*inputs).flatten()[0].item()  # waits for the device
    return perf_counter() - started
