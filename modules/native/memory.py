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
WORDS = ir.VectorType(BITS32, 16)
int64, float32 = types.int64, types.float32


def _words(number: int) -> Value:
    return ir.Constant(WORDS, [number] * 16)


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


def _is_any(target: Any, *named: str) -> bool:
    """Whether one of these is in the name of what is compiled for, or among its instructions.

    LLVM ends the process for an instruction that it can neither choose nor spell out.
    """
    triple, _, instructions = target.codegen().magic_tuple()
    return any(triple.startswith(name) or name in instructions.split(",") for name in named)


def _widened(builder: Builder, halves: Value) -> Value:
    """The floats that numbers of 16 bits stand for, by whole numbers: exponents have 8 bits, not 5."""
    sign = builder.shl(builder.and_(halves, _words(0x8000)), _words(16))
    size = builder.shl(builder.and_(halves, _words(0x7FFF)), _words(13))
    usual = builder.add(size, _words(112 << 23))
    endless = builder.add(size, _words(224 << 23))  # and what is no number
    least = _words(113 << 23)
    small = builder.fsub(builder.bitcast(builder.add(size, least), REGISTER), builder.bitcast(least, REGISTER))
    found = builder.select(builder.icmp_unsigned("<", size, _words(31 << 23)), usual, endless)
    found = builder.select(builder.icmp_unsigned("<", size, _words(1 << 23)), builder.bitcast(small, WORDS), found)
    return builder.bitcast(builder.or_(found, sign), REGISTER)


@intrinsic
def load_fp16(context: Any, address: Any) -> Any:
    """One register of numbers of 16 bits."""

    def generate(target: Any, builder: Builder, _: Any, values: Any) -> Value:
        halves = builder.load(pointer(builder, values[0], HALVES), align=2)
        if _is_any(target, "aarch64", "arm64", "+f16c"):
            return group(builder, [builder.fpext(builder.bitcast(halves, ir.VectorType(ir.HalfType(), 16)), REGISTER)])
        return group(builder, [_widened(builder, builder.zext(halves, WORDS))])

    return ONE(int64), generate


@intrinsic
def load_bf16(context: Any, address: Any) -> Any:
    """One register of numbers that are the first halves of floats."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
        halves = builder.load(pointer(builder, values[0], HALVES), align=2)
        bits = builder.shl(builder.zext(halves, WORDS), _words(16))
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


def _streams(bytes_: int, stored: Callable[[Any, Builder, Value], Value]) -> Any:
    def generate(target: Any, builder: Builder, _: Any, values: Any) -> None:
        numbers = stored(target, builder, builder.extract_value(values[1], 0))
        instruction = builder.store(numbers, pointer(builder, values[0], numbers.type), align=bytes_)
        instruction.set_metadata("nontemporal", builder.module.add_metadata([BITS32(1)]))

    @intrinsic
    def stream(context: Any, address: Any, x: Any) -> Any:
        return types.void(int64, ONE), generate

    return stream


def _rounded(target: Any, builder: Builder, x: Value) -> Value:
    """To the nearest, ties to even; by whole numbers, half as fast, where the processor has no instruction for it."""
    if _is_any(target, "+avx512bf16"):
        return builder.bitcast(builder.fptrunc(x, ir.VectorType(BFloat(), 16)), HALVES)
    bits = builder.bitcast(x, WORDS)
    odd = builder.and_(builder.lshr(bits, _words(16)), _words(1))
    nearest = builder.add(builder.add(bits, _words(0x7FFF)), odd)
    none = builder.or_(bits, _words(1 << 22))  # what is no number stays none without its second half
    return _first_halves(builder, builder.select(builder.fcmp_unordered("uno", x, x), none, nearest))


def _cut(_: Any, builder: Builder, x: Value) -> Value:
    return _first_halves(builder, builder.bitcast(x, WORDS))


def _first_halves(builder: Builder, bits: Value) -> Value:
    return builder.trunc(builder.lshr(bits, _words(16)), HALVES)


stream = _streams(64, lambda _, __, x: x)
stream_bf16 = _streams(32, _rounded)  # some processors make zero of what is below 2^-126
stream_halves = _streams(32, _cut)  # of floats that were bf16: to the bit


@intrinsic
def finish(context: Any) -> Any:
    """What was streamed is there for other threads too."""

    def generate(_: Any, builder: Builder, __: Any, ___: Any) -> None:
        builder.fence("seq_cst")

    return types.void(), generate
