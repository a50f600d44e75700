from __future__ import annotations

from pathlib import Path

import pytest
import torch

from modules.core.errors import BadCheckpoint
from modules.families import FAMILIES
from modules.families.ahead import AHEAD, STEP, Ahead
from modules.families.device import Device
from modules.families.fill import PIECE, fill, filled, new_room
from modules.families.header import read_header
from tests.checkpoints import load_family

CPU = Device("cpu", "fp32", True, "sdpa")


def test_progress_rises_to_all_bytes(tiny_file: Path) -> None:
    seen = list(FAMILIES["sd1"].load("tiny", read_header(tiny_file), CPU, lambda: None))
    assert seen == sorted(seen)
    assert seen[0][0] == 0
    assert seen[-1][0] == seen[-1][1]
    assert tiny_file.stat().st_size - seen[-1][1] < 100_000
    assert 5 < len(seen) < 60


def test_a_load_can_be_given_up(tiny_file: Path) -> None:
    loading = FAMILIES["sd1"].load("tiny", read_header(tiny_file), CPU, lambda: None)
    next(loading)
    loading.close()


def test_loaded_weights_do_not_depend_on_the_file_any_more(tiny_file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(tiny_file.read_bytes())
    family = load_family(copy)
    before = family.unet.conv_in.weight.clone()
    copy.write_bytes(bytes(copy.stat().st_size))
    assert torch.equal(family.unet.conv_in.weight, before)


def test_a_file_that_was_cut_off_after_its_header_was_read_is_refused(tiny_file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(tiny_file.read_bytes())
    header = read_header(copy)
    copy.write_bytes(tiny_file.read_bytes()[:-1000])
    with pytest.raises(BadCheckpoint, match=r"copy\.safetensors cannot be read"):
        list(FAMILIES["sd1"].load("copy", header, CPU, lambda: None))


def test_the_system_is_asked_for_what_comes_next_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("os.posix_fadvise", lambda file, start, *_: asked.append(start), raising=False)
    monkeypatch.setattr("os.POSIX_FADV_WILLNEED", 3, raising=False)
    (tmp_path / "file").write_bytes(b"weights")
    with Ahead(tmp_path / "file") as ahead:
        ahead.reach(0)
        first = len(asked)
        ahead.reach(1)
        ahead.reach(STEP)
    assert asked == list(range(0, AHEAD + STEP, STEP))
    assert first == AHEAD // STEP


@pytest.mark.parametrize("stored", [torch.float16, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("dtype", ["bf16", "fp32", "fp16"])
@pytest.mark.parametrize("shape", [(256, 256), (64, 4, 8, 32), (65536,)])
def test_every_number_is_rounded_as_torch_rounds(stored: torch.dtype, dtype: str, shape: tuple[int, ...]) -> None:
    """All numbers of two bytes; what is no number stays none."""
    numbers = torch.arange(65536).to(torch.uint16).view(torch.float16).to(stored).view(shape)
    room = new_room(numbers, Device("cpu", dtype, True, "sdpa"))
    fill(room, numbers)
    wanted = numbers.to(room.dtype)
    bits, wanted_bits = (values.view(torch.int32 if dtype == "fp32" else torch.int16) for values in (room, wanted))
    assert bool(((bits == wanted_bits) | (room.isnan() & wanted.isnan())).all())
    assert room.is_contiguous(memory_format=torch.channels_last if len(shape) == 4 else torch.contiguous_format)


def test_weights_larger_than_a_piece_are_filled_to_the_last_row() -> None:
    stored = torch.randn(3, PIECE // 2 + 1, generator=torch.Generator().manual_seed(0)).half()
    room = new_room(stored, Device("cpu", "bf16", True, "sdpa")).fill_(7)
    assert torch.equal(fill(room, stored), stored.bfloat16())


@pytest.mark.parametrize("cores", [1, 3])
def test_weights_are_filled_on_several_cores_in_their_order_and_the_cores_are_given_back(cores: int) -> None:
    stored = [torch.full((64, 1 + number), number).half() for number in range(30)]
    rooms = [torch.empty(weight.shape, dtype=torch.bfloat16) for weight in stored]
    torch.set_num_threads(cores)
    try:
        done = list(filled((str(number), *pair) for number, pair in enumerate(zip(rooms, stored, strict=True))))
        assert torch.get_num_threads() == cores
    finally:
        torch.set_num_threads(1)
    assert [name for name, _ in done] == [str(number) for number in range(30)]
    assert all(
        room is ours and torch.equal(ours, was.bfloat16())
        for (_, ours), room, was in zip(done, rooms, stored, strict=True)
    )
