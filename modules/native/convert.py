"""From a stored weight's precision and order to another, past the caches: a third less traffic than through them.

Precisions are those of `PRECISIONS`, by number. Where it is written are multiples of 64 bytes, row for row.
"""

from __future__ import annotations

import numpy as np

from modules.native.compiled import compiled
from modules.native.memory import (
    FLOAT_BYTES,
    finish,
    gather,
    load,
    load_bf16,
    load_fp16,
    store,
    stream,
    stream_bf16,
    stream_halves,
)

PRECISIONS = ("fp32", "fp16", "bf16")
LANES = 16
CHANNELS = 256  # whose numbers wait in a core's own cache for their new order


@compiled
def convert(source: int, precision: int, to: int, to_half: bool, count: int) -> None:
    """Numbers, to bf16 (to_half) or fp32."""
    for at in range(0, count, LANES):
        _put(to, to_half, at, _take(source, precision, at), precision)
    finish()


@compiled
def exchange(source: int, precision: int, to: int, to_half: bool, rows: int, channels: int, places: int) -> None:
    """(rows, channels, places) -> (rows, places, channels), else as `convert`. channels: a multiple of 16."""
    waiting = np.empty(CHANNELS * places, np.float32)
    room = waiting.ctypes.data
    for row in range(rows):
        for first in range(0, channels, CHANNELS):
            some = min(CHANNELS, channels - first)
            start = (row * channels + first) * places
            for at in range(0, some * places, LANES):
                store(room + at * FLOAT_BYTES, _take(source, precision, start + at))
            for place in range(places):
                target = (row * places + place) * channels + first
                for at in range(0, some, LANES):
                    numbers = gather(room + (at * places + place) * FLOAT_BYTES, places)
                    _put(to, to_half, target + at, numbers, precision)
    finish()


@compiled
def _take(source: int, precision: int, at: int) -> object:
    if precision == 0:
        return load(source + at * FLOAT_BYTES)
    if precision == 1:
        return load_fp16(source + at * 2)
    return load_bf16(source + at * 2)


@compiled
def _put(to: int, to_half: bool, at: int, numbers: object, precision: int) -> None:
    if not to_half:
        stream(to + at * FLOAT_BYTES, numbers)
    elif precision == 2:
        stream_halves(to + at * 2, numbers)
    else:
        stream_bf16(to + at * 2, numbers)
