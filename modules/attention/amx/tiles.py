"""AMX's tiles and what else its loop needs: instructions for functions that Numba compiles. Nothing is checked."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from modules.native.memory import REGISTER_BYTES, int64
from modules.native.registers import (
    BITS32,
    BITS64,
    BYTE,
    HALVES,
    NOTHING,
    ONE,
    PAIRS,
    BFloat,
    Builder,
    Value,
    call,
    pointer,
    registers_of,
    spread,
)

FLUSHING = 1 << 15 | 1 << 6  # of MXCSR: flush to zero, denormals are zero


@intrinsic
def store_halves(context: Any, address: Any, x: Any) -> Any:
    """In bf16, rounded to the nearest: half as many bytes."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        name, kind = "llvm.x86.avx512bf16.cvtne2ps2bf16.512", ir.VectorType(BFloat(), 32)
        registers = registers_of(builder, values[1])
        for at, (low, high) in enumerate(zip(registers[::2], registers[1::2], strict=True)):
            halves = builder.bitcast(call(builder, name, kind, [high, low]), PAIRS)
            builder.store(halves, pointer(builder, values[0], PAIRS, at * REGISTER_BYTES), align=2)

    return types.void(int64, x), generate


def _mask(builder: Builder, count: Value, lanes: int) -> Value:
    """True in the first `count` lanes."""
    counts = spread(builder, builder.trunc(count, BITS32), lanes)
    return builder.icmp_signed("<", ir.Constant(counts.type, list(range(lanes))), counts)


def _load_some(builder: Builder, kind: ir.VectorType, address: Value, count: Value) -> Value:
    """The first `count` numbers there, and zeros: what lies behind is not touched."""
    mask = _mask(builder, count, kind.count)
    nothing = ir.Constant(kind, [0] * kind.count)
    return call(
        builder,
        f"llvm.masked.load.v{kind.count}i16.p0",
        kind,
        [pointer(builder, address, kind), BITS32(2), mask, nothing],
    )


@intrinsic
def copy_halves(context: Any, to: Any, source: Any, count: Any) -> Any:
    """32 numbers of 16 bits, those after the first `count` zero."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        builder.store(_load_some(builder, PAIRS, *values[1:]), pointer(builder, values[0], PAIRS), align=2)

    return types.void(int64, int64, int64), generate


@intrinsic
def copy_pairs(context: Any, to: Any, first: Any, count: Any, second: Any, count_second: Any) -> Any:
    """first[0] second[0] first[1] second[1] ...: 16 pairs of 16-bit numbers, zeros after `count` of each."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        rows = [_load_some(builder, HALVES, *values[at : at + 2]) for at in (1, 3)]
        order = [place // 2 + 16 * (place % 2) for place in range(32)]
        pairs = builder.shuffle_vector(*rows, ir.Constant(ir.VectorType(BITS32, 32), order))
        builder.store(pairs, pointer(builder, values[0], PAIRS), align=2)

    return types.void(int64, int64, int64, int64, int64), generate


@intrinsic
def store_some_halves(context: Any, to: Any, x: Any, count: Any) -> Any:
    """The first `count` numbers of one register in bf16; nothing behind them is touched."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        register = builder.extract_value(values[1], 0)
        halves = call(builder, "llvm.x86.avx512bf16.cvtneps2bf16.512", ir.VectorType(BFloat(), 16), [register])
        numbers = builder.bitcast(halves, HALVES)
        to, mask = pointer(builder, values[0], HALVES), _mask(builder, values[2], 16)
        call(builder, "llvm.masked.store.v16i16.p0", NOTHING, [numbers, to, BITS32(2), mask])

    return types.void(int64, ONE, int64), generate


@intrinsic
def ticket(context: Any, address: Any) -> Any:
    """What stands there, and one more for the next thread that asks."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
        return builder.atomic_rmw("add", pointer(builder, values[0], BITS64), BITS64(1), "seq_cst")

    return int64(int64), generate


def _tiles(name: str, *tiles: Any) -> Any:
    """An instruction for tiles, which are numbers known when it is compiled; then an address and a stride."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        rest = list(values[len(tiles) :])
        if rest:
            rest[0] = pointer(builder, rest[0], BYTE)
        call(builder, name, NOTHING, [*(BYTE(tile.literal_value) for tile in tiles), *rest])

    return generate


def _moves(name: str) -> Any:
    @intrinsic(prefer_literal=True)
    def move(context: Any, tile: Any, address: Any, stride: Any) -> Any:
        return types.void(tile, int64, int64), _tiles(name, tile)

    return move


tile_load, tile_store = _moves("llvm.x86.tileloadd64"), _moves("llvm.x86.tilestored64")


@intrinsic(prefer_literal=True)
def tile_zero(context: Any, tile: Any) -> Any:
    return types.void(tile), _tiles("llvm.x86.tilezero", tile)


@intrinsic(prefer_literal=True)
def tile_multiply(context: Any, c: Any, a: Any, b: Any) -> Any:
    """c += a b: bf16, added up in fp32; b by pairs of rows."""
    return types.void(c, a, b), _tiles("llvm.x86.tdpbf16ps", c, a, b)


@intrinsic
def tile_configure(context: Any, address: Any) -> Any:
    """By the 64 bytes there."""
    return types.void(int64), _tiles("llvm.x86.ldtilecfg")


@intrinsic
def tile_release(context: Any) -> Any:
    return types.void(), _tiles("llvm.x86.tilerelease")


@intrinsic
def flush_denormals(context: Any, address: Any) -> Any:
    """From now on what is smaller than 2^-126 is zero, at no cost. Keeps at the address what `restore` needs."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        call(builder, "llvm.x86.sse.stmxcsr", NOTHING, [pointer(builder, values[0], BYTE)])
        changed = builder.or_(builder.load(pointer(builder, values[0], BITS32)), BITS32(FLUSHING))
        builder.store(changed, pointer(builder, values[0], BITS32, 4))
        call(builder, "llvm.x86.sse.ldmxcsr", NOTHING, [pointer(builder, values[0], BYTE, 4)])

    return types.void(int64), generate


@intrinsic
def restore(context: Any, address: Any) -> Any:
    """Denormals as they were before `flush_denormals`."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        call(builder, "llvm.x86.sse.ldmxcsr", NOTHING, [pointer(builder, values[0], BYTE)])

    return types.void(int64), generate
