"""Between memory and registers: instructions for functions that Numba compiles. Nothing is checked.

What is stored past the caches (`stream`) is not read into them before: for what is larger than they are, and not needed
at once, that saves a third of the traffic. Only whole registers, at addresses that are multiples of their bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from modules.native.registers import (
    BITS32,
    EIGHT,
    FLOAT,
    HALVES,
    ONE,
    REGISTER,
    BFloat,
    Builder,
    Floats,
    Value,
    call,
    group,
    pointer,
    registers_of,
    spread,
)

REGISTER_BYTES, FLOAT_BYTES = 64, 4
int64, float32 = types.int64, types.float32


def _loads(kind: Floats) -> Any:
    def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
        places = (pointer(builder, values[0], REGISTER, at * REGISTER_BYTES) for at in range(kind.registers))
        return group(builder, [builder.load(place, align=4) for place in places])

    @intrinsic
    def load(context: Any, address: Any) -> Any:
        return kind(int64), generate

    return load


def _spreads(kind: Floats) -> Any:
    def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
        return group(builder, kind.registers * [spread(builder, values[0])])

    @intrinsic
    def spread_all(context: Any, number: Any) -> Any:
        return kind(float32), generate

    return spread_all


load, load_rows = _loads(ONE), _loads(EIGHT)
spread_one, spread_rows = _spreads(ONE), _spreads(EIGHT)


@intrinsic
def store(context: Any, address: Any, x: Any) -> Any:
    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        for at, register in enumerate(registers_of(builder, values[1])):
            builder.store(register, pointer(builder, values[0], REGISTER, at * REGISTER_BYTES), align=4)

    return types.void(int64, x), generate


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
def load_fp16(context: Any, address: Any) -> Any:
    """One register of numbers of 16 bits."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
        halves = builder.load(pointer(builder, values[0], ir.VectorType(ir.HalfType(), 16)), align=2)
        return group(builder, [builder.fpext(halves, REGISTER)])

    return ONE(int64), generate


@intrinsic
def load_bf16(context: Any, address: Any) -> Any:
    """One register of numbers that are the first halves of floats."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
        wide = ir.VectorType(BITS32, 16)
        halves = builder.load(pointer(builder, values[0], HALVES), align=2)
        bits = builder.shl(builder.zext(halves, wide), ir.Constant(wide, [16] * 16))
        return group(builder, [builder.bitcast(bits, REGISTER)])

    return ONE(int64), generate


@intrinsic
def gather(context: Any, address: Any, stride: Any) -> Any:
    """One register of floats that lie so many floats apart."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
        step = spread(builder, builder.trunc(values[1], BITS32))
        lanes = builder.mul(step, ir.Constant(step.type, list(range(16))))
        addresses = builder.gep(pointer(builder, values[0], FLOAT), [BITS32(0)], source_etype=FLOAT)
        addresses.indices, addresses.type = [lanes], ir.VectorType(FLOAT.as_pointer(), 16)  # llvmlite knows one only
        every = ir.Constant(ir.VectorType(ir.IntType(1), 16), [1] * 16)
        given = [addresses, BITS32(FLOAT_BYTES), every, ir.Constant(REGISTER, [0.0] * 16)]
        return group(builder, [call(builder, "llvm.masked.gather.v16f32.v16p0", REGISTER, given)])

    return ONE(int64, int64), generate


def _streams(bytes_: int, stored: Callable[[Builder, Value], Value]) -> Any:
    def generate(_: Any, builder: Builder, __: Any, values: Any) -> None:
        numbers = stored(builder, builder.extract_value(values[1], 0))
        instruction = builder.store(numbers, pointer(builder, values[0], numbers.type), align=bytes_)
        instruction.set_metadata("nontemporal", builder.module.add_metadata([BITS32(1)]))

    @intrinsic
    def stream(context: Any, address: Any, x: Any) -> Any:
        return types.void(int64, ONE), generate

    return stream


def _rounded(builder: Builder, x: Value) -> Value:
    return builder.bitcast(builder.fptrunc(x, ir.VectorType(BFloat(), 16)), HALVES)


def _cut(builder: Builder, x: Value) -> Value:
    wide = ir.VectorType(BITS32, 16)
    return builder.trunc(builder.lshr(builder.bitcast(x, wide), ir.Constant(wide, [16] * 16)), HALVES)


stream = _streams(64, lambda _, x: x)
stream_bf16 = _streams(32, _rounded)  # some processors make zero of what is below 2^-126
stream_halves = _streams(32, _cut)  # of floats that were bf16: to the bit


@intrinsic
def finish(context: Any) -> Any:
    """What was streamed is there for other threads too."""

    def generate(_: Any, builder: Builder, __: Any, ___: Any) -> None:
        builder.fence("seq_cst")

    return types.void(), generate
