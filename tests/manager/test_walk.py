"""Files as people keep them: behind links, beside hidden ones, under names of every kind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modules.manager.adapters import Adapters
from modules.manager.hashes import Hashes
from modules.manager.index import Index
from modules.manager.library import Library
from modules.manager.sidecars import Sidecars
from modules.manager.vaes import Vaes
from modules.manager.walk import files_below
from modules.upscalers.index import UpscalerIndex
from tests.headers import header_only, plain_file

LORA = {"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": (4, 320)}
KINDS = ("Lora", "embeddings", "VAE", "Stable-diffusion", "ESRGAN")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(Index([tmp_path]), Hashes(tmp_path / "cache"), Sidecars(tmp_path / "data"))


def test_a_linked_folder_is_looked_into_for_every_kind(tmp_path: Path) -> None:
    drive, models = tmp_path / "drive", tmp_path / "models"
    drive.mkdir()
    for kind in KINDS:
        plain_file(drive / kind / "far.safetensors", LORA)
        (models / kind).mkdir(parents=True)
        (models / kind / "more").symlink_to(drive / kind)
    adapters = Adapters([models])
    assert adapters.lora_names() == adapters.embedding_names() == ("more/far",)
    assert Vaes([models]).names() == ("far.safetensors",)
    assert [entry.name for entry in Index([models]).entries()] == ["more/far"]
    assert [entry.name for entry in UpscalerIndex([models]).entries() if entry.path] == ["more/far"]


def test_a_link_to_itself_is_listed_with_the_reason(library: Library, tmp_path: Path) -> None:
    for kind in KINDS:
        file = tmp_path / kind / "self.safetensors"
        file.parent.mkdir()
        file.symlink_to(file)
    items = library.items()
    assert len(items) == 4 and all("self.safetensors cannot be read" in item.problem for item in items)
    assert all(library.hash_of(item) == "" and library.notes(item).picture is None for item in items)
    (upscaler,) = (entry for entry in UpscalerIndex([tmp_path]).entries() if entry.path)
    assert "self.safetensors cannot be read" in upscaler.problem


def test_links_in_a_circle_end_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    for name in ("a", "in/b", ".hidden/c", "._a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in")
    assert [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)] == ["a", "in/b"]
    assert list(files_below(tmp_path / "nowhere")) == []


@pytest.mark.parametrize("name", ["caf\u00e9 \u732b", 'it\'s "fine" & <b>', "a [2024]", "x" * 200, "100% (v2) #1"])
def test_any_readable_name_is_listed_and_found(library: Library, tmp_path: Path, name: str) -> None:
    header_only(tmp_path / "Stable-diffusion" / f"{name}.safetensors")
    plain_file(tmp_path / "Lora" / f"{name}.safetensors", LORA)
    assert {(item.name, item.problem) for item in library.items()} == {(name, "")}
    assert Index([tmp_path]).find(name).name == name
    assert Adapters([tmp_path]).lora(name).name == name


def test_a_name_in_another_encoding_is_listed_as_text_with_the_reason(library: Library, tmp_path: Path) -> None:
    """As archives from other systems leave them: its bytes are no UTF-8."""
    for kind in KINDS:
        file = plain_file(tmp_path / kind / "a.safetensors", LORA)
        file.rename(file.with_name(os.fsdecode(b"caf\xe9.safetensors")))
    upscalers = [entry for entry in UpscalerIndex([tmp_path]).entries() if entry.path]
    told = [(item.name, item.problem) for item in library.items()] + [(one.name, one.problem) for one in upscalers]
    assert len(told) == len(KINDS)
    for name, problem in told:
        assert name.encode().startswith(b"caf?")
        assert problem.encode() == b"the name of caf?.safetensors or of its folder is not in UTF-8"
    assert all(len(item.id) == 16 and library.hash_of(item) == "" for item in library.items())
    assert Adapters([tmp_path]).lora_names() == ("caf?",)


def test_the_second_of_two_with_one_name_is_called_so_when_the_first_is_gone(library: Library, tmp_path: Path) -> None:
    first, second = (plain_file(tmp_path / folder / "ink.safetensors", LORA) for folder in ("Lora", "loras"))
    assert [(item.name, item.path) for item in library.items()] == [("ink", first), ("loras/ink", second)]
    first.unlink()
    assert [(item.name, item.path) for item in library.items()] == [("ink", second)]


def test_two_checkpoints_whose_names_differ_in_case_are_two(tmp_path: Path) -> None:
    for name in ("Dream", "dream"):
        header_only(tmp_path / "Stable-diffusion" / f"{name}.safetensors")
    index = Index([tmp_path])
    if len(index.entries()) == 1:
        pytest.skip("this disk cannot tell them apart")
    assert [index.find(name).name for name in ("Dream", "dream")] == ["Dream", "dream"]
