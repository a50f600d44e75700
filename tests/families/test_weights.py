from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import sleep
from typing import NoReturn

import pytest
import torch

from modules.core.errors import BadCheckpoint
from modules.families import FAMILIES
from modules.families.ahead import AHEAD, STEP, Ahead
from modules.families.device import Device
from modules.families.fill import AHEAD as WEIGHTS_AHEAD
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
    with pytest.raises(BadCheckpoint, match=r"copy\.safetensors is cut off"):
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


def test_the_system_is_not_asked_for_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look at every page of it first, which takes a tenth of a swap."""
    asked: list[int] = []
    monkeypatch.setattr("modules.families.ahead.STEP", 1 << 14)
    monkeypatch.setattr("modules.families.ahead.AHEAD", 1 << 16)
    monkeypatch.setattr("os.posix_fadvise", lambda file, start, *_: asked.append(start), raising=False)
    monkeypatch.setattr("os.POSIX_FADV_WILLNEED", 3, raising=False)
    path = tmp_path / "file"
    path.write_bytes(bytes(1 << 16))
    with path.open("rb") as file:
        if not can_say(file.fileno()):
            pytest.skip("this system does not say what of a file is in memory")
    with Ahead(path) as ahead:
        ahead.reach(0)
        assert asked == []
        ahead.reach(1 << 16)
    assert asked == list(range(1 << 16, 1 << 17, 1 << 14))  # behind its end


def can_say(file: int) -> bool:
    try:
        return bool(os.preadv(file, [bytearray(1)], 0, os.RWF_NOWAIT))
    except (AttributeError, OSError):
        return False


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


@dataclass
class Numbered:
    """A weight that is nothing but its number. order: where each notes that it is filled."""

    number: int
    order: list[int]
    size: int = 64
    waits: Event | None = None

    def into(self, room: torch.Tensor) -> torch.Tensor:
        if self.waits:
            self.waits.wait(10)
        self.order.append(self.number)
        return room.fill_(self.number)


@pytest.mark.parametrize("cores", [1, 3])
def test_weights_are_filled_on_several_cores_in_their_order_and_the_cores_are_given_back(cores: int) -> None:
    weights = [Numbered(number, []) for number in range(30)]
    rooms = [torch.empty(2) for _ in weights]
    torch.set_num_threads(cores)
    try:
        done = list(filled(zip(weights, rooms, strict=True)))
        assert torch.get_num_threads() == cores
    finally:
        torch.set_num_threads(1)
    assert [weight.number for weight, _ in done] == list(range(30))
    assert all(
        room is ours and bool((ours == n).all()) for n, ((_, ours), room) in enumerate(zip(done, rooms, strict=True))
    )


def test_one_large_weight_does_not_hold_up_those_behind_it() -> None:
    order: list[int] = []
    large = Event()
    weights = [Numbered(0, order, waits=large), *(Numbered(number, order) for number in range(1, 30))]
    torch.set_num_threads(2)
    try:
        stream = filled((weight, torch.empty(2)) for weight in (*weights, LastOf(order, large)))
        assert [weight.size for weight, _ in stream][:1] == [64]
    finally:
        torch.set_num_threads(1)
    assert order[-1] == 0


class LastOf(Numbered):
    """Lets the large one go on once all others were filled."""

    def __init__(self, order: list[int], large: Event) -> None:
        super().__init__(99, [], waits=None)
        self._others, self._large = order, large

    def into(self, room: torch.Tensor) -> torch.Tensor:
        while len(self._others) < 29:
            sleep(0.001)
        self._large.set()
        return room


def test_no_more_is_begun_ahead_than_fits() -> None:
    begun: list[int] = []

    def weights() -> Iterator[tuple[Numbered, torch.Tensor]]:
        for number in range(40):
            begun.append(number)
            yield Numbered(number, [], size=WEIGHTS_AHEAD // 8), torch.empty(2)

    next(filled(weights()))
    assert len(begun) == 9


def test_a_part_at_the_end_of_its_file_asks_for_nothing_before_it(
    tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system reads what it is asked for in that order: the text encoder would wait for all of the U-Net."""
    header = read_header(tiny_file)
    begins = [begin for begin, _ in (item["data_offsets"] for item in header.tensors.values())]
    firsts: list[int] = []

    class Noting(Ahead):
        def __init__(self, path: Path, first: int = 0) -> None:
            firsts.append(first)
            super().__init__(path, first)

    monkeypatch.setattr("modules.families.weights.Ahead", Noting)
    list(FAMILIES["sd1"].load("tiny", header, CPU, lambda: None))
    assert firsts == [min(begins)]  # all parts in one go
    with Ahead(tiny_file, 5 * STEP) as ahead:
        asked: list[int] = []
        monkeypatch.setattr("os.posix_fadvise", lambda file, start, *_: asked.append(start), raising=False)
        monkeypatch.setattr("os.POSIX_FADV_WILLNEED", 3, raising=False)
        ahead.reach(5 * STEP)
    assert min(asked) == 5 * STEP


def test_a_lack_of_memory_while_a_file_is_read_is_not_its_fault(
    tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows says so where a file is mapped."""

    def lacking(path: Path, remote: bool | None = None) -> NoReturn:
        raise OSError(22, "The paging file is too small for this operation to complete", str(path))

    monkeypatch.setattr("modules.families.weights.stored_weights", lacking)
    with pytest.raises(MemoryError, match="paging file is too small"):
        list(FAMILIES["sd1"].load("tiny", read_header(tiny_file), CPU, lambda: None))
