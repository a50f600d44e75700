"""softmax(QK^T)V for 32 queries at a time in AMX's tiles, compiled by Numba.

Of the keys 256 at a time are compared, raised and mixed before the next (Dao et al. 2022, "FlashAttention"), so that
scores stay in a core's own memory. They are not shifted by their largest, which is known too late, but by the largest
of the first 256: fp32 and bf16 reach 2^127, and what would leave that range is found in its sum and computed again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import carray, from_dtype, types

from modules.attention.amx.layout import BLOCK, JOB, ROW, ROWS, STEP, TILE, Room, room_of, tiles_of
from modules.attention.amx.packing import pack_keys, pack_queries, pack_values
from modules.attention.amx.tiles import (
    flush_denormals,
    restore,
    store_halves,
    store_some_halves,
    ticket,
    tile_configure,
    tile_load,
    tile_multiply,
    tile_release,
    tile_store,
    tile_zero,
)
from modules.native.compiled import compiled, in_c
from modules.native.memory import (
    get_float,
    load,
    load_rows,
    put_float,
    spread_one,
    spread_rows,
    store,
)
from modules.native.registers import (
    fraction,
    fused,
    larger,
    over,
    plus,
    row_peaks,
    row_totals,
    scaled,
    smaller,
    times,
)

FAR = np.float32(-1e30)  # the score of a key that is not there
MOST = np.float32(1e25)  # a sum that leaves room for products
LOG2 = np.float32(math.log(2))
POWER = tuple(np.float32(number) for number in (0.99992517, 0.69583374, 0.22606721, 0.07802419))  # 2^x, 0 to 1: 7e-5


@compiled
def compare(job: Any, first: int, steps: int, room: Room) -> None:
    """Scores of 32 keys after the other: by 16 queries, row after row."""
    deep = tiles_of(job.width, 32)
    for step in range(steps):
        keys = room.keys + (first // 16 + 2 * step) * deep * TILE
        tile_zero(0)
        tile_zero(1)
        tile_zero(2)
        tile_zero(3)
        for part in range(deep):
            tile_load(4, room.queries + 2 * part * TILE, 64)
            tile_load(5, room.queries + (2 * part + 1) * TILE, 64)
            tile_load(6, keys + part * TILE, 64)
            tile_load(7, keys + (deep + part) * TILE, 64)
            tile_multiply(0, 4, 6)
            tile_multiply(1, 4, 7)
            tile_multiply(2, 5, 6)
            tile_multiply(3, 5, 7)
        to = room.scores + step * ROWS * ROW
        tile_store(0, to, ROW)
        tile_store(1, to + 64, ROW)
        tile_store(2, to + 16 * ROW, ROW)
        tile_store(3, to + 16 * ROW + 64, ROW)
    for key in range(job.keys, first + steps * STEP):
        for row in range(ROWS):
            put_float(room.scores + (key - first) // 32 * ROWS * ROW + row * ROW + key % 32 * 4, FAR)


@compiled
def find_peaks(job: Any, steps: int, room: Room) -> None:
    """The largest score of each row, if it is larger than what is known."""
    factor = spread_rows(-job.factor)
    for row in range(0, ROWS, 4):
        peak = load_rows(room.scores + row * ROW)
        for step in range(1, steps):
            peak = larger(peak, load_rows(room.scores + (step * ROWS + row) * ROW))
        store(room.peaks + row * ROW, smaller(times(row_peaks(peak), factor), load_rows(room.peaks + row * ROW)))


@compiled
def raise_scores(job: Any, steps: int, room: Room) -> None:
    """weights = 2^(factor scores - peak), and their sums."""
    factor = spread_rows(job.factor)
    p0, p1, p2, p3 = spread_rows(POWER[0]), spread_rows(POWER[1]), spread_rows(POWER[2]), spread_rows(POWER[3])
    for row in range(0, ROWS, 4):
        shift, total = load_rows(room.peaks + row * ROW), load_rows(room.sums + row * ROW)
        for step in range(steps):
            at = (step * ROWS + row) * ROW
            power = fused(load_rows(room.scores + at), factor, shift)
            rest = fraction(power)
            weight = scaled(fused(fused(fused(p3, rest, p2), rest, p1), rest, p0), power)
            total = plus(total, weight)
            store_halves(room.weights + at // 2, weight)
        store(room.sums + row * ROW, total)


@compiled
def mix(job: Any, first: int, steps: int, room: Room) -> None:
    """mixed += weights values, 32 of a value's numbers at a time."""
    wide = tiles_of(job.width, 16)
    for part in range(0, wide, 2):
        to, two = room.mixed + 2 * part * TILE, part + 1 < wide
        tile_load(0, to, 64)
        tile_load(1, to + TILE, 64)
        if two:
            tile_load(2, to + 2 * TILE, 64)
            tile_load(3, to + 3 * TILE, 64)
        for step in range(steps):
            values = room.values + ((first // STEP + step) * wide + part) * TILE
            tile_load(4, room.weights + 2 * step * TILE, 64)
            tile_load(5, room.weights + (2 * step + 1) * TILE, 64)
            tile_load(6, values, 64)
            tile_multiply(0, 4, 6)
            tile_multiply(1, 5, 6)
            if two:
                tile_load(7, values + TILE, 64)
                tile_multiply(2, 4, 7)
                tile_multiply(3, 5, 7)
        tile_store(0, to, 64)
        tile_store(1, to + TILE, 64)
        if two:
            tile_store(2, to + 2 * TILE, 64)
            tile_store(3, to + 3 * TILE, 64)


@compiled
def sum_up(job: Any, room: Room, whole: bool) -> None:
    """All keys of 32 queries. whole: look for the largest score of all keys first."""
    for row in range(0, ROWS, 4):
        store(room.sums + row * ROW, spread_rows(np.float32(0)))
        store(room.peaks + row * ROW, spread_rows(-FAR))
    for tile in range(2 * tiles_of(job.width, 16)):
        for row in range(16):
            store(room.mixed + tile * TILE + row * 64, spread_one(np.float32(0)))
    for first in range(0, job.keys if whole else 0, BLOCK):
        steps = tiles_of(min(BLOCK, job.keys - first), STEP)
        compare(job, first, steps, room)
        find_peaks(job, steps, room)
    for first in range(0, job.keys, BLOCK):
        steps = tiles_of(min(BLOCK, job.keys - first), STEP)
        compare(job, first, steps, room)
        if first == 0 and not whole:
            find_peaks(job, steps, room)
        raise_scores(job, steps, room)
        mix(job, first, steps, room)


@compiled
def is_in_range(room: Room) -> bool:
    """Makes sums of the 32 places of each row one."""
    for row in range(0, ROWS, 4):
        store(room.sums + row * ROW, row_totals(load_rows(room.sums + row * ROW)))
    fitting = 0
    for row in range(ROWS):
        fitting += get_float(room.sums + row * ROW) < MOST
    return fitting == ROWS


@compiled
def answer(job: Any, to: int, first: int, lse: int, room: Room) -> None:
    """mixed / sums, in bf16; log(sums), unshifted, in fp32."""
    for row in range(min(ROWS, job.queries - first)):
        total, at = load(room.sums + row * ROW), to + (first + row) * job.out_row
        for part in range(tiles_of(job.width, 16)):
            mixed = load(room.mixed + (2 * part + row // 16) * TILE + row % 16 * 64)
            store_some_halves(at + part * 32, over(mixed, total), min(16, job.width - part * 16))
        if job.lse:
            power = math.log2(get_float(room.sums + row * ROW)) - get_float(room.peaks + row * ROW)
            put_float(lse + (first + row) * 4, np.float32(power * LOG2))


@compiled
def attend(job: Any) -> None:
    """What one thread does: heads, or parts of heads, until none is left."""
    tile_configure(job.tiles)
    room = room_of(job, ticket(job.next_thread))
    flush_denormals(room.control)
    packed = -1
    while True:
        item = ticket(job.next_item)
        if item >= job.items:
            break
        whole, part = item // job.parts, item % job.parts
        batch, head = whole // job.heads, whole % job.heads
        if whole != packed:
            pack_keys(job, job.k + batch * job.k_batch + head * job.k_head, room)
            pack_values(job, job.v + batch * job.v_batch + head * job.v_head, room)
            packed = whole
        source = job.q + batch * job.q_batch + head * job.q_head
        to = job.out + batch * job.out_batch + head * job.out_head
        blocks = tiles_of(job.queries, ROWS)
        for block in range(blocks * part // job.parts, blocks * (part + 1) // job.parts):
            first = block * ROWS
            pack_queries(job, source, first, room)
            sum_up(job, room, False)
            if not is_in_range(room):
                sum_up(job, room, True)
                is_in_range(room)
            answer(job, to, first, job.lse + whole * job.queries * 4, room)
    restore(room.control)
    tile_release()


@in_c(types.void(types.CPointer(from_dtype(JOB))))
def thread(job: Any) -> None:
    attend(carray(job, 1)[0])
