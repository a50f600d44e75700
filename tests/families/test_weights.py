from __future__ import annotations

from pathlib import Path

import pytest
import torch

from modules.core.errors import BadCheckpoint
from modules.families import FAMILIES, weights
from modules.families.device import Device
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


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("shape", [(70, 3), (7, 5, 3, 3), (1, 500)])
def test_converting_some_rows_at_a_time_gives_what_pytorch_gives(
    dtype: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "IN_CACHE", 50)
    stored = torch.randn(shape).half()
    device = Device("cpu", dtype, True, "sdpa")
    made = weights._converted(stored, torch.empty(shape, device="meta"), device)
    assert made.dtype == device.torch_dtype
    assert torch.equal(made, stored.to(made.dtype))
    assert len(shape) < 4 or made.is_contiguous(memory_format=torch.channels_last)
