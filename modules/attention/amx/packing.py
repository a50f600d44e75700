"""Keys, values and queries in the order in which AMX's tiles take them."""

from __future__ import annotations

from typing import Any

from modules.attention.amx.layout import ROWS, STEP, TILE, Room, tiles_of
from modules.attention.amx.tiles import copy_halves, copy_pairs
from modules.native.compiled import compiled
from modules.native.memory import get_word, put_word


@compiled
def pack_keys(job: Any, source: int, room: Room) -> None:
    """(keys, width) -> tiles of (pair of numbers, key): 32 numbers of 16 keys each."""
    deep = tiles_of(job.width, 32)
    for key in range(tiles_of(job.keys, STEP) * STEP):
        for part in range(deep):
            count = min(32, job.width - part * 32) if key < job.keys else 0
            copy_halves(room.scores, source + key * job.k_row + part * 64, count)
            to = room.keys + (key // 16 * deep + part) * TILE + key % 16 * 4
            for pair in range(16):
                put_word(to + pair * 64, get_word(room.scores + pair * 4))


@compiled
def pack_values(job: Any, source: int, room: Room) -> None:
    """(keys, width) -> tiles of (pair of keys, number): 32 keys of 16 numbers each."""
    wide = tiles_of(job.width, 16)
    for pair in range(tiles_of(job.keys, STEP) * STEP // 2):
        first = source + 2 * pair * job.v_row
        for part in range(wide):
            count = min(16, job.width - part * 16)
            counts = (count if 2 * pair < job.keys else 0, count if 2 * pair + 1 < job.keys else 0)
            to = room.values + (pair // 16 * wide + part) * TILE + pair % 16 * 64
            copy_pairs(to, first + part * 32, counts[0], first + job.v_row + part * 32, counts[1])


@compiled
def pack_queries(job: Any, source: int, first: int, room: Room) -> None:
    """Tiles of 16 rows of 32 numbers."""
    for row in range(ROWS):
        for part in range(tiles_of(job.width, 32)):
            count = min(32, job.width - part * 32) if first + row < job.queries else 0
            to = room.queries + (2 * part + row // 16) * TILE + row % 16 * 64
            copy_halves(to, source + (first + row) * job.q_row + part * 64, count)
