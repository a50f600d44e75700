"""Registers of 16 floats, for functions that Numba compiles: it has no words for them.

A value of type `Floats` is one register, or eight: four rows of 32 numbers, as many as keep a core's units busy.
What is computed with eight is computed with each of them. Where registers are shorter than AVX-512's LLVM takes two
or four for one. Addresses are integers; nothing checks them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

BITS16, BITS32, BITS64, BYTE = (ir.IntType(bits) for bits in (16, 32, 64, 8))
FLOAT, NOTHING = ir.FloatType(), ir.VoidType()
REGISTER = ir.VectorType(FLOAT, 16)
HALVES, PAIRS = ir.VectorType(BITS16, 16), ir.VectorType(BITS16, 32)
EVERY, NEAREST = ir.IntType(16)(-1), BITS32(4)  # all 16 numbers; the rounding that is set
Builder: TypeAlias = Any
Value: TypeAlias = Any
Emit = Callable[..., Value]


class Floats(types.Type):
    """registers: how many."""

    def __init__(self, registers: int) -> None:
        self.registers = registers
        super().__init__(name=f"Floats({16 * registers})")


@register_model(Floats)
class FloatsModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Floats) -> None:
        super().__init__(manager, kind, ir.ArrayType(REGISTER, kind.registers))


class BFloat(ir.Type):
    """LLVM's bfloat, which llvmlite cannot name."""

    def __str__(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat)

    def __hash__(self) -> int:
        return hash(BFloat)


ONE, EIGHT = Floats(1), Floats(8)


def call(builder: Builder, name: str, answer: ir.Type, values: Sequence[Value], **how: Any) -> Value:
    kind = ir.FunctionType(answer, [value.type for value in values])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values, **how)


def group(builder: Builder, registers: Sequence[Value]) -> Value:
    """A value of type `Floats`."""
    answer = ir.Constant(ir.ArrayType(REGISTER, len(registers)), ir.Undefined)
    for at, register in enumerate(registers):
        answer = builder.insert_value(answer, register, at)
    return answer


def registers_of(builder: Builder, value: Value) -> list[Value]:
    return [builder.extract_value(value, at) for at in range(value.type.count)]


def _each(builder: Builder, emit: Emit, *values: Value) -> Value:
    """emit(builder, a register of each value) for all of their registers."""
    several = zip(*(registers_of(builder, value) for value in values), strict=True)
    return group(builder, [emit(builder, *registers) for registers in several])


def pointer(builder: Builder, address: Value, kind: ir.Type, offset: int = 0) -> Value:
    return builder.inttoptr(builder.add(address, BITS64(offset)), kind.as_pointer())


def spread(builder: Builder, number: Value, lanes: int = 16) -> Value:
    """The same number in all lanes of a vector."""
    undefined = ir.Constant(ir.VectorType(number.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, number, BITS32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(BITS32, lanes), [0] * lanes))


def _of_one(emit: Emit) -> Any:
    @intrinsic
    def instruction(context: Any, x: Any) -> Any:
        return x(x), lambda _, builder, __, values: _each(builder, emit, *values)

    return instruction


def _of_two(emit: Emit) -> Any:
    @intrinsic
    def instruction(context: Any, x: Any, y: Any) -> Any:
        return x(x, y), lambda _, builder, __, values: _each(builder, emit, *values)

    return instruction


def _sum(builder: Builder, x: Value, y: Value) -> Value:
    return builder.fadd(x, y)


def _larger(builder: Builder, x: Value, y: Value) -> Value:
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


plus, larger = _of_two(_sum), _of_two(_larger)
times = _of_two(lambda builder, x, y: builder.fmul(x, y))
over = _of_two(lambda builder, x, y: builder.fdiv(x, y))
smaller = _of_two(lambda builder, x, y: builder.select(builder.fcmp_ordered("<", x, y), x, y))
scaled = _of_two(  # x 2^floor(y)
    lambda builder, x, y: call(builder, "llvm.x86.avx512.mask.scalef.ps.512", REGISTER, [x, y, x, EVERY, NEAREST])
)
fraction = _of_one(  # x - floor(x)
    lambda builder, x: call(builder, "llvm.x86.avx512.mask.reduce.ps.512", REGISTER, [x, BITS32(1), x, EVERY, NEAREST])
)


@intrinsic
def fused(context: Any, x: Any, y: Any, z: Any) -> Any:
    """x y + z"""

    def emit(builder: Builder, *values: Value) -> Value:
        return call(builder, "llvm.fma.v16f32", REGISTER, values)

    return x(x, y, z), lambda _, builder, __, values: _each(builder, emit, *values)


def _of_rows(join: Emit, name: str, *first: Value) -> Any:
    """Each row's 32 numbers made one, which stands in all 32 places of the answer."""

    def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
        registers = registers_of(builder, values[0])
        answer = []
        for left, right in zip(registers[::2], registers[1::2], strict=True):
            both = join(builder, left, right)
            answer += 2 * [spread(builder, call(builder, name, FLOAT, [*first, both], fastmath=("reassoc", "nnan")))]
        return group(builder, answer)

    @intrinsic
    def instruction(context: Any, x: Any) -> Any:
        return x(x), generate

    return instruction


row_totals = _of_rows(_sum, "llvm.vector.reduce.fadd.v16f32", FLOAT(0.0))
row_peaks = _of_rows(_larger, "llvm.vector.reduce.fmax.v16f32")
