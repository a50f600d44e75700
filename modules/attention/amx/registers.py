"""Registers of 16 floats and the tiles of AMX, for functions that Numba compiles: it has no such words.

A value of type `Floats` is one register, or eight: four rows of 32 numbers, as many as keep a core's units busy.
What is computed with eight is computed with each of them. Addresses are integers; nothing checks them.
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


def _each(builder: Builder, emit: Emit, *values: Value) -> Value:
    """emit(builder, a register of each value) for all of their registers."""
    answer = ir.Constant(values[0].type, ir.Undefined)
    for at in range(values[0].type.count):
        registers = [builder.extract_value(value, at) for value in values]
        answer = builder.insert_value(answer, emit(builder, *registers), at)
    return answer


def pointer(builder: Builder, address: Value, kind: ir.Type, offset: int = 0) -> Value:
    return builder.inttoptr(builder.add(address, BITS64(offset)), kind.as_pointer())


def spread(builder: Builder, number: Value) -> Value:
    """The same number 16 times."""
    undefined = ir.Constant(REGISTER, ir.Undefined)
    first = builder.insert_element(undefined, number, BITS32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(BITS32, 16), [0] * 16))


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


plus = _of_two(lambda builder, x, y: builder.fadd(x, y))
times = _of_two(lambda builder, x, y: builder.fmul(x, y))
over = _of_two(lambda builder, x, y: builder.fdiv(x, y))
larger = _of_two(lambda builder, x, y: builder.select(builder.fcmp_ordered(">", x, y), x, y))
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


def _of_rows(name: str, *first: Value) -> Any:
    """Each row's 32 numbers made one, which stands in all 32 places of the answer."""

    @intrinsic
    def instruction(context: Any, x: Any) -> Any:
        def generate(_: Any, builder: Builder, __: Any, values: Any) -> Value:
            answer = ir.Constant(values[0].type, ir.Undefined)
            for at in range(0, values[0].type.count, 2):
                left, right = (builder.extract_value(values[0], at + side) for side in (0, 1))
                both = _pairwise(builder, left, right)
                number = call(builder, name, FLOAT, [*first, both], fastmath=("reassoc", "nnan"))
                for side in (0, 1):
                    answer = builder.insert_value(answer, spread(builder, number), at + side)
            return answer

        def _pairwise(builder: Builder, x: Value, y: Value) -> Value:
            if first:
                return builder.fadd(x, y)
            return builder.select(builder.fcmp_ordered(">", x, y), x, y)

        return x(x), generate

    return instruction


row_totals = _of_rows("llvm.vector.reduce.fadd.v16f32", FLOAT(0.0))
row_peaks = _of_rows("llvm.vector.reduce.fmax.v16f32")
