from __future__ import annotations

import sys

import pytest
import torch

from modules.families.device import Device
from modules.families.fill import fill, new_room
from modules.families.streamed import EXCHANGED, LARGE, WIDER, is_streamed, loops
from modules.native import has_numba

torch.set_num_threads(1)
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
FLAT, PICTURE, WINDOW = (512, 512), (64, 512, 3, 3), (48, 384, 5, 3)
here = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


def every_number(shape: tuple[int, ...], dtype: str) -> torch.Tensor:
    """All numbers of two bytes, again and again, in fp16 or as fp16 has them."""
    numbers = torch.arange(65536).to(torch.uint16).view(torch.float16)
    numbers = numbers if dtype != "bf16" else torch.arange(65536).to(torch.uint16).view(torch.bfloat16)
    count = torch.Size(shape).numel()
    return numbers.repeat(count // 65536 + 1)[:count].to(DTYPES[dtype]).view(shape)


def room_of(shape: tuple[int, ...], dtype: str) -> torch.Tensor:
    return new_room(torch.empty(shape, device="meta"), Device("cpu", dtype, True, "sdpa")).fill_(7)


@here
@pytest.mark.parametrize(("stored", "dtype"), sorted({*WIDER, *EXCHANGED}))
@pytest.mark.parametrize("shape", [FLAT, PICTURE, WINDOW, (512, 512, 1, 1)])
def test_every_number_of_a_large_weight_is_rounded_as_torch_rounds(
    shape: tuple[int, ...], stored: str, dtype: str
) -> None:
    numbers, room = every_number(shape, stored), room_of(shape, dtype)
    if not (is_ordered := room.is_contiguous()) or (stored, dtype) in {*WIDER, ("fp16", "bf16")}:
        assert is_streamed(room, numbers), is_ordered
    wanted = numbers.to(room.dtype)
    assert fill(room, numbers) is room
    bits = torch.int32 if dtype == "fp32" else torch.int16
    same = room.contiguous().view(bits) == wanted.contiguous().view(bits)
    assert bool((same | (room.isnan() & wanted.isnan())).all())


@here
def test_a_linear_layer_is_stored_as_a_convolution_and_the_other_way_round() -> None:
    numbers = every_number(FLAT, "fp16")
    assert is_streamed(room_of((*FLAT, 1, 1), "fp32"), numbers.view(*FLAT, 1, 1))
    assert torch.equal(
        fill(room_of((*FLAT, 1, 1), "fp32"), numbers).view(FLAT).nan_to_num(), numbers.float().nan_to_num()
    )


@here
@pytest.mark.parametrize(
    ("room", "stored"),
    [
        (room_of((64, 64), "fp32"), torch.ones(64, 64).half()),  # small: soon needed
        (room_of((LARGE,), "fp32"), torch.ones(LARGE).half()),
        (room_of((512, 513), "fp32"), torch.ones(512, 513).half()),  # rows that end within a line of the cache
        (room_of((512, 500, 3, 3), "fp32"), torch.ones(512, 500, 3, 3).half()),
        (room_of(FLAT, "fp32"), torch.ones(FLAT).half().T),
        (room_of(FLAT, "bf16"), torch.ones(FLAT)),  # numbers below 2^-126, which some processors round to zero
        (room_of(FLAT, "fp32"), torch.ones(FLAT).to(torch.float8_e4m3fn)),
        (torch.empty(LARGE + 1)[1:].view(FLAT), torch.ones(FLAT).half()),
    ],
)
def test_other_weights_go_through_the_caches(room: torch.Tensor, stored: torch.Tensor) -> None:
    assert not is_streamed(room, stored)
    assert bool((fill(room, stored) == 1).all())


def test_where_numba_cannot_be_imported_large_weights_are_loaded_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its package may be missing, or not fit another that is installed."""
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in [name for name in sys.modules if name.startswith("modules.native.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("modules.native.convert", raising=False)
    loops.cache_clear()
    try:
        numbers, room = torch.ones(FLAT).half(), room_of(FLAT, "fp32")
        assert not is_streamed(room, numbers)
        assert bool((fill(room, numbers) == 1).all())
    finally:
        loops.cache_clear()
