"""Whose VAE a checkpoint gets, by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modules.core.errors import UnknownName, UnsafeFile
from modules.manager.index import FOLDER, Index
from modules.manager.vaes import Vaes
from tests.headers import header_only


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The checkpoint "a"; VAEs "fine" in both forms, and "old" as a pickle alone."""
    header_only(tmp_path / FOLDER / "a.safetensors")
    (tmp_path / "VAE").mkdir()
    for name in ("fine.safetensors", "fine.ckpt", "old.pt"):
        (tmp_path / "VAE" / name).write_bytes(b"anything")
    return tmp_path


def chosen(models: Path, wanted: str) -> Path | None:
    return Vaes([models]).choose(wanted, Index([models]).find("a"))


def test_only_files_that_can_be_used_are_listed(models: Path) -> None:
    assert Vaes([models]).names() == ("fine.safetensors",)


@pytest.mark.parametrize("wanted", ["fine", "FINE.safetensors", "fine.ckpt", "fine.pt"])
def test_a_vae_that_was_converted_is_found_by_the_name_of_its_pickle(models: Path, wanted: str) -> None:
    assert chosen(models, wanted) == models / "VAE" / "fine.safetensors"


def test_a_pickle_alone_is_refused(models: Path) -> None:
    with pytest.raises(UnsafeFile, match=r"old\.pt is a \.pt file"):
        chosen(models, "old.pt")


def test_a_name_that_nobody_has_is_refused_with_those_there_are(models: Path) -> None:
    with pytest.raises(UnknownName, match="there is no VAE called 'mine'") as refused:
        chosen(models, "mine")
    assert "automatic, built in, fine.ckpt, fine.safetensors" in refused.value.advice


def test_automatic_takes_what_is_named_after_the_checkpoint_and_built_in_does_not(models: Path) -> None:
    assert chosen(models, "automatic") is None
    (models / "VAE" / "a.vae.safetensors").write_bytes(b"anything")
    assert chosen(models, "automatic") == models / "VAE" / "a.vae.safetensors"
    assert chosen(models, "built in") is None


@pytest.mark.parametrize("name", ["a.safetensors", "a-vae.safetensors", "A.vae.safetensors", "a_VAE-ft.safetensors"])
def test_automatic_knows_the_names_people_give(models: Path, name: str) -> None:
    (models / "VAE" / name).write_bytes(b"anything")
    assert chosen(models, "automatic") == models / "VAE" / name


@pytest.mark.parametrize("name", ["ab.vae.safetensors", "a2.safetensors", "a.v2.vae.safetensors", "a.vae.pt"])
def test_automatic_does_not_take_anothers_nor_a_pickle(models: Path, name: str) -> None:
    (models / "VAE" / name).write_bytes(b"anything")
    assert chosen(models, "automatic") is None


@pytest.mark.parametrize(
    ("said", "file"), [("fine.safetensors", "fine.safetensors"), ("fine.ckpt", "fine.safetensors"), ("None", None)]
)
def test_a_vae_in_a1111s_notes_comes_before_one_by_name(models: Path, said: str, file: str | None) -> None:
    (models / "VAE" / "a.vae.safetensors").write_bytes(b"anything")
    (models / FOLDER / "a.json").write_text(json.dumps({"vae": said}))
    assert chosen(models, "automatic") == (file and models / "VAE" / file)
    (models / FOLDER / "a.json").write_text(json.dumps({"vae": "Automatic"}))
    assert chosen(models, "automatic") == models / "VAE" / "a.vae.safetensors"


def test_of_two_with_one_name_in_two_folders_both_can_be_chosen(models: Path, tmp_path: Path) -> None:
    second = tmp_path / "second" / "vae" / "fine.safetensors"
    second.parent.mkdir(parents=True)
    second.write_bytes(b"anything")
    vaes, entry = Vaes([models, tmp_path / "second", tmp_path / "second"]), Index([models]).find("a")
    assert vaes.names() == ("fine.safetensors", "vae/fine.safetensors")
    assert vaes.choose("fine", entry) == models / "VAE" / "fine.safetensors"
    assert vaes.choose("vae/fine.safetensors", entry) == second
