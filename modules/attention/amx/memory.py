"""Between memory and registers or tiles: instructions that load, store and multiply, for Numba. Nothing is checked."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from modules.attention.amx.registers import (
    BITS32,
    BITS64,
    BYTE,
    EIGHT,
    FLOAT,
    HALVES,
    NOTHING,
    ONE,
    PAIRS,
    REGISTER,
    BFloat,
    Builder,
    Floats,
    Value,
    call,
    pointer,
    spread,
)

REGISTER_BYTES = 64
FLUSHING = 1 << 15 | 1 << 6  # of MXCSR: flush to zero, denormals are zero
int64, float32 = types.int64, types.float32


def _loads(kind: Floats) -> Any:
    @intrinsic
    def load(context: Any, address: Any) -> Any:
        def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
            answer = ir.Constant(ir.ArrayType(REGISTER, kind.registers), ir.Undefined)
            for at in range(kind.registers):
                register = builder.load(pointer(builder, values[0], REGISTER, at * REGISTER_BYTES), align=4)
                answer = builder.insert_value(answer, register, at)
            return answer

        return kind(int64), generate

    return load


def _spreads(kind: Floats) -> Any:
    @intrinsic
    def spread_all(context: Any, number: Any) -> Any:
        def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
            answer = ir.Constant(ir.ArrayType(REGISTER, kind.registers), ir.Undefined)
            for at in range(kind.registers):
                answer = builder.insert_value(answer, spread(builder, values[0]), at)
            return answer

        return kind(float32), generate

    return spread_all


load, load_rows = _loads(ONE), _loads(EIGHT)
spread_one, spread_rows = _spreads(ONE), _spreads(EIGHT)


@intrinsic
def store(context: Any, address: Any, x: Any) -> Any:
    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        for at in range(x.registers):
            to = pointer(builder, values[0], REGISTER, at * REGISTER_BYTES)
            builder.store(builder.extract_value(values[1], at), to, align=4)

    return types.void(int64, x), generate


@intrinsic
def store_halves(context: Any, address: Any, x: Any) -> Any:
    """In bf16, rounded to the nearest: half as many bytes."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        name, kind = "llvm.x86.avx512bf16.cvtne2ps2bf16.512", ir.VectorType(BFloat(), 32)
        for at in range(0, x.registers, 2):
            low, high = (builder.extract_value(values[1], at + side) for side in (0, 1))
            halves = builder.bitcast(call(builder, name, kind, [high, low]), PAIRS)
            builder.store(halves, pointer(builder, values[0], PAIRS, at * REGISTER_BYTES // 2), align=2)

    return types.void(int64, x), generate


def _mask(builder: Builder, count: Value, places: int) -> Value:
    """True in the first `count` places."""
    numbers = ir.Constant(ir.VectorType(BITS32, places), list(range(places)))
    undefined = ir.Constant(numbers.type, ir.Undefined)
    first = builder.insert_element(undefined, builder.trunc(count, BITS32), BITS32(0))
    counts = builder.shuffle_vector(first, undefined, ir.Constant(numbers.type, [0] * places))
    return builder.icmp_signed("<", numbers, counts)


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


def _number(kind: Any, stored: ir.Type) -> tuple[Any, Any]:
    @intrinsic
    def get(context: Any, address: Any) -> Any:
        return kind(int64), lambda _, builder, __, values: builder.load(pointer(builder, values[0], stored))

    @intrinsic
    def put(context: Any, address: Any, number: Any) -> Any:
        def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
            builder.store(values[1], pointer(builder, values[0], stored))

        return types.void(int64, kind), generate

    return get, put


get_word, put_word = _number(types.int32, BITS32)
get_float, put_float = _number(float32, FLOAT)


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
