"""Large weights on their way into memory, past the caches of a processor: they are not read before they are written."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LARGE = 1 << 18  # numbers
LANES, LINE = 16, 64  # numbers that are computed, and bytes that are written at a time
WIDER = {("fp16", "fp32"), ("bf16", "fp32")}  # precisions of a file and of the weights
EXCHANGED = {("fp16", "bf16"), ("bf16", "bf16"), ("fp32", "fp32")}  # where the order changes too
TITLES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
log = logging.getLogger(__name__)


def is_streamed(room: Tensor, stored: Tensor) -> bool:
    """Whether a weight is large, and of precisions and an order that `native.convert` knows."""
    if room.device.type != "cpu" or room.ndim < 2 or room.numel() < LARGE:
        return False
    if room[0].nbytes % LINE or room.data_ptr() % LINE or not stored.is_contiguous():
        return False
    precisions = _title(stored.dtype), _title(room.dtype)
    if room.is_contiguous():
        return precisions in {*WIDER, ("fp16", "bf16")} and loops() is not None
    in_order = room.ndim == 4 and room.permute(0, 2, 3, 1).is_contiguous() and room.shape[1] % LANES == 0
    return in_order and precisions in {*WIDER, *EXCHANGED} and loops() is not None


@cache
def loops() -> Any:
    """`native.convert`; None where Numba is missing, or does not fit what else is installed."""
    try:
        from modules.native import convert
    except (ImportError, OSError) as error:
        log.warning("large weights go through the processor's caches: %s", error)
        return None
    return convert


def stream(room: Tensor, stored: Tensor) -> None:
    """room[...] = stored, rounded as `Tensor.to` rounds. For what `is_streamed`."""
    native = loops()
    given = (
        stored.data_ptr(),
        native.PRECISIONS.index(_title(stored.dtype)),
        room.data_ptr(),
        _title(room.dtype) == "bf16",
    )
    if room.is_contiguous():
        native.convert(*given, room.numel())
    else:
        rows, channels, height, width = room.shape
        native.exchange(*given, rows, channels, height * width)


def _title(dtype: torch.dtype) -> str:
    return TITLES.get(str(dtype).removeprefix("torch."), "")
