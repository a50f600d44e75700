"""Which upscalers are listed, by which names, and what is said of files that are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from modules.core.errors import BadCheckpoint, UnknownName, UnsafeFile
from modules.upscalers.base import LATENT_MODES, UPSCALERS
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.latent import resize_latents

BUILT_IN = len(UPSCALERS)


def test_the_lists_need_no_torch() -> None:
    code = "import sys, modules.upscalers.index, modules.upscalers.size; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_built_in_ones_come_first_with_a1111s_names() -> None:
    assert list(UPSCALERS)[:3] == ["None", "Nearest", "Lanczos"]
    latent = ["Latent", *(f"Latent ({mode})" for mode in ("antialiased", "bicubic", "bicubic antialiased"))]
    assert list(LATENT_MODES) == [*latent, "Latent (nearest)", "Latent (nearest-exact)"]
    assert {UPSCALERS[name].kind for name in LATENT_MODES} == {"latent"}


def test_files_of_all_folders_are_listed_without_being_loaded(networks: Path, tmp_path: Path) -> None:
    (tmp_path / "dat" / "of a friend").mkdir(parents=True)
    (tmp_path / "dat" / "of a friend" / "broken.pth").write_bytes(b"no pickle at all")
    (tmp_path / "Lora").mkdir()
    (tmp_path / "Lora" / "style.pth").touch()
    found = UpscalerIndex([networks, tmp_path, tmp_path / "missing"]).entries()[BUILT_IN:]
    assert [entry.name for entry in found] == ["rrdb", "compact", "windows", "denoiser", "of a friend/broken"]
    assert [entry.size > 0 and not entry.problem for entry in found] == [True] * 5


def test_safetensors_has_the_name_before_a_pickle(networks: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ESRGAN"
    folder.mkdir()
    good = (networks / "ESRGAN" / "rrdb.safetensors").read_bytes()
    (folder / "a.pth").write_bytes(b"pickle")
    (folder / "a.safetensors").write_bytes(good)
    index = UpscalerIndex([tmp_path])
    assert [entry.name for entry in index.entries()[BUILT_IN:]] == ["a.pth", "a"]
    assert index.find("A", "pixels").path == folder / "a.safetensors"
    assert index.find("a.pth", "pixels").path == folder / "a.pth"


def test_a_file_may_not_take_a_built_in_name(tmp_path: Path) -> None:
    (tmp_path / "ESRGAN").mkdir()
    (tmp_path / "ESRGAN" / "Lanczos.pth").write_bytes(b"pickle")
    index = UpscalerIndex([tmp_path])
    assert index.entries()[-1].name == "Lanczos.pth"
    assert index.find("lanczos", "pixels").path is None


def test_a_link_to_a_folder_above_ends_no_search_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "ESRGAN").mkdir()
    (tmp_path / "ESRGAN" / "up").symlink_to(tmp_path / "ESRGAN", target_is_directory=True)
    (tmp_path / "upscale_models").symlink_to(tmp_path / "ESRGAN", target_is_directory=True)
    (tmp_path / "ESRGAN" / "a.pth").write_bytes(b"pickle")
    assert len(UpscalerIndex([tmp_path]).entries()) == BUILT_IN + 1


def test_a_file_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "ESRGAN"
    folder.mkdir()
    (folder / "cut.safetensors").write_bytes(b"\x00\x01")
    (folder / "empty.pth").touch()
    with (folder / "huge.pth").open("wb") as file:
        file.truncate(5 * 2**30)  # takes no room on most disks
    problems = {entry.name: entry.problem for entry in UpscalerIndex([tmp_path]).entries() if entry.path}
    assert "is cut off" in problems["cut"]
    assert "is empty" in problems["empty"]
    assert "has 5.4 GB: no upscaler is larger than 4.3 GB" in problems["huge"]
    with pytest.raises(BadCheckpoint, match=r"cut.safetensors is cut off"):
        UpscalerIndex([tmp_path]).find("cut", "pixels")
    with pytest.raises(UnsafeFile):
        UpscalerIndex([tmp_path]).find("empty", "pixels")


def test_an_unknown_name_is_answered_with_the_known_ones(networks: Path) -> None:
    with pytest.raises(UnknownName) as told:
        UpscalerIndex([networks]).find("4x-Unknown", "pixels")
    assert told.value.advice == "known: None, Nearest, Lanczos, rrdb, compact, windows, denoiser"
    with pytest.raises(UnknownName):
        UpscalerIndex([networks]).find("rrdb", "latent")


@pytest.mark.parametrize("name", list(LATENT_MODES))
def test_latents_are_stretched_as_torch_does_it(name: str) -> None:
    latents = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(0))
    mode, antialias = LATENT_MODES[name]
    larger = resize_latents(latents, name.upper(), 12, 7)
    assert larger.shape == (2, 4, 12, 7)
    assert torch.equal(larger, torch.nn.functional.interpolate(latents, (12, 7), mode=mode, antialias=antialias))
