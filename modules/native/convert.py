"""From a stored weight's precision and order to another, past the caches: a third less traffic than through them."""

from __future__ import annotations

import numpy as np
from numba import njit

from modules.native import options
from modules.native.memory import FLOAT_BYTES, finish, gather, load, load_fp16, store, stream, stream_bf16

LANES = 16
CHANNELS = 256  # whose numbers wait in a core's own cache for their new order


@njit(**options())
def convert(source: int, is_half: bool, to: int, to_half: bool, count: int) -> None:
    """fp16 (is_half) or fp32 -> bf16 (to_half) or fp32. count: a multiple of 16; to: of 64."""
    for at in range(0, count, LANES):
        numbers = load_fp16(source + at * 2) if is_half else load(source + at * FLOAT_BYTES)
        if to_half:
            stream_bf16(to + at * 2, numbers)
        else:
            stream(to + at * FLOAT_BYTES, numbers)
    finish()


@njit(**options())
def exchange(source: int, is_half: bool, to: int, to_half: bool, rows: int, channels: int, places: int) -> None:
    """(rows, channels, places) -> (rows, places, channels), precisions as in `convert`. channels: a multiple of 16."""
    waiting = np.empty(CHANNELS * places, np.float32)
    room = waiting.ctypes.data
    for row in range(rows):
        for first in range(0, channels, CHANNELS):
            some = min(CHANNELS, channels - first)
            start = (row * channels + first) * places
            for at in range(0, some * places, LANES):
                if is_half:
                    store(room + at * FLOAT_BYTES, load_fp16(source + (start + at) * 2))
                else:
                    store(room + at * FLOAT_BYTES, load(source + (start + at) * FLOAT_BYTES))
            for place in range(places):
                target = (row * places + place) * channels + first
                for at in range(0, some, LANES):
                    numbers = gather(room + (at * places + place) * FLOAT_BYTES, places)
                    if to_half:
                        stream_bf16(to + (target + at) * 2, numbers)
                    else:
                        stream(to + (target + at) * FLOAT_BYTES, numbers)
    finish()
