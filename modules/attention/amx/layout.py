"""Where the numbers of an attention lie: those that are given, and what a thread keeps of them, tile by tile."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from modules.native.compiled import compiled

ROWS = 32  # queries
BLOCK = 256  # keys
STEP = 32  # keys whose scores are made together
TILE = 1024  # bytes: 16 rows of 64
ROW = 128  # bytes of a row of 32 floats

JOB = np.dtype(
    [
        *((f"{one}{of}", np.int64) for one in ("q", "k", "v", "out") for of in ("", "_batch", "_head", "_row")),
        *((name, np.int64) for name in ("lse", "room", "room_size", "tiles", "next_thread", "next_item")),
        *((name, np.int64) for name in ("items", "parts", "heads", "queries", "keys", "width")),
        ("factor", np.float32),
    ],
    align=True,
)
"""Addresses; bytes from batch to batch, head to head, row to row. lse: 0 if not wanted. parts: of a head's queries.

factor: what makes a product of query and key the logarithm to base 2 of its weight.
"""


class Room(NamedTuple):
    """Addresses of one thread's memory. keys, values: of one head, in tiles. peaks: the shift of each row, negative.

    control: what the thread's registers were set to. end: where the next thread's begins.
    """

    keys: int
    values: int
    queries: int
    scores: int
    weights: int
    mixed: int
    sums: int
    peaks: int
    control: int
    end: int


@compiled
def tiles_of(numbers: int, each: int) -> int:
    return (numbers + each - 1) // each


@compiled
def room_of(job: Any, thread: int) -> Room:
    deep, wide, keys = tiles_of(job.width, 32), tiles_of(job.width, 16), tiles_of(job.keys, STEP)
    at = job.room + thread * job.room_size
    values = at + keys * deep * 2 * TILE
    queries = values + keys * wide * TILE
    scores = queries + deep * 2 * TILE
    weights = scores + ROWS * BLOCK * 4
    mixed = weights + ROWS * BLOCK * 2
    sums = mixed + wide * 2 * TILE
    peaks = sums + ROWS * ROW
    control = peaks + ROWS * ROW
    return Room(at, values, queries, scores, weights, mixed, sums, peaks, control, control + 64)
