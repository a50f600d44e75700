"""Copies of checkpoints that load without converting: what they hold, when they are made, used, thrown away."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import NoReturn

import pytest
import torch

from modules.core.errors import BadCheckpoint
from modules.families.base import Prepares
from modules.families.device import Device
from modules.families.header import read_header
from modules.families.unet.family import UnetFamily
from modules.families.unet.loader import UnetLoader
from modules.manager.hashes import Hashes
from modules.manager.index import Index
from modules.manager.manager import Manager
from modules.manager.prepared import PreparedCopies
from tests.checkpoints import KINDS, finished, tiny_checkpoint, tiny_file_of

GIGABYTE = 10**9
CPU = Device("cpu", "bf16", True, "sdpa")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a (SD 1.x) and x (SDXL), and their known hashes in `cache/hashes`."""
    root = tmp_path_factory.mktemp("prepared")
    folder = root / "models" / "Stable-diffusion"
    hashes = Hashes(root / "cache" / "hashes")
    for path in (
        tiny_checkpoint(folder / "a.safetensors"),
        tiny_file_of(folder / "x.safetensors", KINDS["sdxl"]),
    ):
        hashes.compute(path)
    return root


@pytest.fixture
def root(two: Path) -> Iterator[Path]:
    """The same without copies."""
    yield two
    for file in (two / "cache").glob("prepared/*"):
        file.unlink()


def manager(root: Path, copies: int = GIGABYTE, device: Device = CPU) -> Manager:
    return Manager(Index((root / "models",)), device, root / "cache", budget=0, copies=copies)


def use(manager: Manager, name: str) -> UnetFamily:
    family = finished(manager.use(name))
    assert isinstance(family, UnetFamily)
    return family


def copies(root: Path, count: int) -> list[Path]:
    """The copies, as soon as there are so many."""
    end = monotonic() + 10
    while monotonic() < end:
        if len(found := list((root / "cache").glob("prepared/*.safetensors"))) >= count:
            return found
        sleep(0.005)
    raise AssertionError("no copy was made")


def weights(family: UnetFamily) -> dict[str, torch.Tensor]:
    return {f"{part}.{name}": w for part, net in family.networks.items() for name, w in net.state_dict().items()}


@pytest.mark.parametrize("name", ["a", "x"])
def test_a_copy_gives_the_same_weights_in_the_same_order_as_the_checkpoint(root: Path, name: str) -> None:
    first = weights(use(manager(root), name))
    (copy,) = copies(root, 1)
    header = read_header(copy)
    assert {item["dtype"] for item in header.tensors.values()} == {"BF16"}
    path = root / "models" / "Stable-diffusion" / f"{name}.safetensors"
    path.rename(path.with_suffix(".away"))  # its header is enough
    try:
        hidden = path.with_suffix(".away").read_bytes()
        begin = 8 + int.from_bytes(hidden[:8], "little")
        state = path.with_suffix(".away").stat()
        path.write_bytes(hidden[:begin] + bytes(len(hidden) - begin))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        second = weights(use(manager(root), name))
    finally:
        path.with_suffix(".away").rename(path)
    assert all(torch.equal(first[key], second[key]) and first[key].stride() == second[key].stride() for key in first)
    assert first.keys() == second.keys()


def test_without_a_budget_none_is_made_or_read(root: Path) -> None:
    use(manager(root), "a")
    (copy,) = copies(root, 1)
    before = copy.stat().st_mtime_ns
    use(manager(root, copies=0), "a")
    use(manager(root, device=Device("cpu", "fp32", True, "sdpa")), "a")
    assert copy.stat().st_mtime_ns == before
    assert len(copies(root, 1)) == 1


@pytest.mark.parametrize("damage", ["cut", "other version", "names"])
def test_a_copy_that_cannot_be_used_is_said_thrown_away_and_made_anew(
    root: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = weights(use(manager(root), "a"))
    (copy,) = copies(root, 1)
    whole = copy.read_bytes()
    old, new = {"cut": (b"", b""), "other version": (b'"1"', b'"0"'), "names": (b"unet/conv_in.", b"unet/conv_on.")}[
        damage
    ]
    copy.write_bytes(whole.replace(old, new) if old else whole[:-1000])
    with caplog.at_level(logging.WARNING):
        second = weights(use(manager(root), "a"))
    assert "a prepared copy is not used and made anew" in caplog.text
    assert all(torch.equal(first[key], second[key]) for key in first)
    end = monotonic() + 10
    while not copy.exists() or copy.read_bytes() != whole:
        assert monotonic() < end
        sleep(0.005)


def prepared(root: Path, budget: int) -> PreparedCopies:
    return PreparedCopies(root / "cache" / "prepared", budget, Hashes(root / "cache" / "hashes"))


def make(copies: PreparedCopies, root: Path, digest: str) -> Path:
    header = read_header(root / "models" / "Stable-diffusion" / "a.safetensors")
    loader = UnetLoader(KINDS["sd1"])
    assert isinstance(loader, Prepares)
    return copies.make(digest, "bf16", loader.prepare(header, CPU))


def test_the_copy_used_longest_ago_leaves_first_and_the_limit_is_kept(root: Path) -> None:
    size = make(prepared(root, GIGABYTE), root, "0" * 64).stat().st_size
    some = prepared(root, int(2.5 * size))
    first, second = (make(some, root, digit * 64) for digit in "12")
    assert some.held == 2 * size
    for age, file in ((1, first), (2, second)):
        os.utime(file, (age, age))
    os.utime(first)  # used again
    third = make(some, root, "3" * 64)
    assert set(copies(root, 2)) == {first, third}


def test_a_checkpoint_larger_than_all_copies_may_be_gets_none_and_the_others_stay(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = make(prepared(root, GIGABYTE), root, "0" * 64)
    small = manager(root, copies=1000)
    use(small, "a")
    end = monotonic() + 10
    while "no prepared copy of a.safetensors: it has 0.0 GB" not in caplog.text and monotonic() < end:
        sleep(0.005)
    assert "no prepared copy of a.safetensors" in caplog.text
    assert copies(root, 1) == [known]


def test_half_a_copy_never_has_a_copys_name_and_is_swept_later(root: Path) -> None:
    some, path = prepared(root, GIGABYTE), root / "cache" / "prepared"
    path.mkdir(exist_ok=True)
    left = path / ".x.safetensors.0.tmp"
    left.write_bytes(b"half")
    make(some, root, "0" * 64)
    assert left.exists()
    os.utime(left, (1, 1))
    make(some, root, "1" * 64)
    assert not left.exists()


def test_a_lack_of_memory_for_one_copy_does_not_end_those_that_follow(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hashes = Hashes(root / "cache" / "hashes")
    made = PreparedCopies(root / "cache" / "prepared", GIGABYTE, hashes)
    done: list[int] = []

    def lacking() -> NoReturn:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes")

    def next_one() -> NoReturn:
        done.append(1)
        raise BadCheckpoint("it is damaged")

    path = root / "models" / "Stable-diffusion" / "a.safetensors"
    made.ask(path, "bf16", lacking)
    made.ask(path, "bf16", next_one)
    end = monotonic() + 10
    while not done and monotonic() < end:
        sleep(0.005)
    assert done
    assert "there is not enough memory to make it" in caplog.text
