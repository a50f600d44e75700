"""Weights come the same from a network drive, which is read, as from one of this computer, which is mapped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from modules.core.errors import BadCheckpoint
from modules.families.drives import is_remote
from modules.families.header import BITS
from modules.families.stored import DTYPES, stored_weights


@dataclass
class Drive:
    mountpoint: str
    fstype: str
    opts: str = "rw"


DRIVES = [Drive("/", "ext4"), Drive("/mnt/nas", "nfs4"), Drive("/mnt/nas/here", "btrfs"), Drive("/mnt/c", "9p")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/a", False),
        ("/mnt/nas/a", True),
        ("/mnt/nas/here/a", False),
        ("/mnt/nasty/a", False),
        ("/mnt/c/a", True),
    ],
)
def test_the_nearest_drive_says_whether_a_file_is_remote(path: str, expected: bool) -> None:
    assert is_remote(Path(path), DRIVES) is expected


def test_windows_says_it_of_each_drive() -> None:
    drives = [Drive("/", "NTFS", "rw,fixed"), Drive("/z", "NTFS", "rw,remote")]
    assert [is_remote(Path(path), drives) for path in ("/a", "/z/a")] == [False, True]


def test_the_folder_of_these_tests_is_on_this_computer(tmp_path: Path) -> None:
    assert not is_remote(tmp_path)


def written(path: Path) -> Path:
    numbers = torch.arange(24, dtype=torch.float32)
    kinds = {name: numbers.reshape(2, 3, 4).to(getattr(torch, kind)) for name, kind in DTYPES.items()}
    save_file(kinds | {"one": torch.tensor(7.0), "none": torch.zeros(0, 3)}, path, {"format": "pt"})
    return path


def test_every_kind_of_weight_is_read_as_it_is_mapped(tmp_path: Path) -> None:
    path = written(tmp_path / "a.safetensors")
    assert set(BITS) == set(DTYPES)
    with stored_weights(path, remote=True) as read, stored_weights(path, remote=False) as mapped:
        for name in (*DTYPES, "one", "none"):
            one, other = read.get_tensor(name), mapped.get_tensor(name)
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            assert torch.equal(
                one.contiguous().view(-1).view(torch.uint8), other.contiguous().view(-1).view(torch.uint8)
            )


def test_a_network_drive_that_goes_away_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.safetensors")
    with stored_weights(path, remote=True) as file:
        with path.open("r+b") as shortened:
            shortened.truncate(2000)
        with pytest.raises(BadCheckpoint, match="ended while it was read"):
            for name in DTYPES:
                file.get_tensor(name)


@pytest.mark.parametrize("remote", [True, False])
@pytest.mark.parametrize("system", ["with preadv", "without"])
def test_memory_of_the_same_kind_is_filled_straight_from_the_file(
    tmp_path: Path, remote: bool, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if system == "without":
        monkeypatch.delattr("os.preadv", raising=False)
    path = written(tmp_path / "a.safetensors")
    with stored_weights(path, remote) as file:
        for name, kind in [*DTYPES.items(), ("one", "float32")]:
            stored = file.get_tensor(name)
            room = torch.zeros(stored.shape, dtype=getattr(torch, kind))
            assert file.read_into(name, room)
            assert torch.equal(room.reshape(-1).view(torch.uint8), stored.contiguous().reshape(-1).view(torch.uint8))


def test_other_memory_is_not(tmp_path: Path) -> None:
    with stored_weights(written(tmp_path / "a.safetensors")) as file:
        other_order = torch.zeros(4, 2, 3).permute(1, 2, 0)
        for room in (torch.zeros(2, 3, 4).half(), torch.zeros(2, 3, 5), other_order):
            assert not file.read_into("F32", room)
            assert not room.any()
