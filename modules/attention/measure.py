"""How fast and how exact each kernel is on this machine: a benchmark of about 0.1 s per precision and head size."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from modules.attention.base import KERNELS, Compute, Kernel, Particular
from modules.core.errors import TaffyError

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 256  # queries whose answers are compared with exact ones
ROUNDS = 4  # the best counts; kernels take turns, so that a busy moment hits all
HEADS = 2
TOKENS = {"cpu": 2048}
TOKENS_ELSEWHERE = 4096  # a GPU is quick
NEVER_FASTEST = frozenset({"sliced", "math"})  # for those who ask for them
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
DEFAULT = "sdpa"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """seconds: of one call. error: relative to the same sum in double precision, L2."""

    seconds: float
    error: float


def benchmark(device_kind: str, dtype: str, head_size: int) -> Mapping[str, Result]:
    """Every kernel that runs here and may be the fastest; one that fails is left out. dtype: "fp32", "bf16" or "fp16".

    Errors are those of the kernel's sums and roundings alone: all are given the same numbers.
    """
    import torch

    candidates = [name for name in KERNELS if name not in NEVER_FASTEST]
    names = [name for name in candidates if _runs(KERNELS[name], device_kind, dtype, head_size)]
    generator = torch.Generator().manual_seed(0)
    shape = (1, HEADS, TOKENS.get(device_kind, TOKENS_ELSEWHERE), head_size)
    given = [torch.randn(shape, generator=generator).to(device_kind, getattr(torch, DTYPES[dtype])) for _ in range(3)]
    with torch.no_grad():
        q, k, v = (one.cpu().double() for one in given)
        exact = KERNELS[DEFAULT].compute(q[..., :ROWS, :], k, v)
        errors = {name: error for name in names if (error := _tried(name, given, exact)) is not None}
        runs = {name: KERNELS[name].compute for name in errors}
        seconds = [{name: _seconds(run, given) for name, run in runs.items()} for _ in range(ROUNDS)]
    return {name: Result(min(round_[name] for round_ in seconds), error) for name, error in errors.items()}


def _runs(kernel: Kernel, device_kind: str, dtype: str, head_size: int) -> bool:
    return not kernel.why_not(device_kind) and (not isinstance(kernel, Particular) or kernel.fits(dtype, head_size))


def _tried(name: str, given: list[Tensor], exact: Tensor) -> float | None:
    """A kernel's error; None if it fails: a package's may not know this head size, an extension's may be broken."""
    try:
        found = KERNELS[name].compute(*given)
    except (ImportError, OSError, RuntimeError, ValueError, MemoryError, TaffyError) as error:
        if name == DEFAULT:
            raise
        log.warning("the attention kernel %s does not count: %s", name, error)
        return None
    return _error(found[..., :ROWS, :].cpu().double(), exact)


def _error(found: Tensor, reference: Tensor) -> float:
    return float((found - reference).norm() / reference.norm())


def _seconds(run: Compute, inputs: list[Tensor]) -> float:
    started = perf_counter()
    run(*inputs).flatten()[0].item()  # waits for the device
    return perf_counter() - started
