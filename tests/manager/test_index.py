from __future__ import annotations

import gc
import json
import os
import struct
from pathlib import Path
from time import process_time

import pytest

from modules.core.errors import BadCheckpoint, UnknownName, UnsafeFile
from modules.manager.hashes import Hashes
from modules.manager.index import Index
from modules.training.export import ldm_tensors
from tests.checkpoints import sd15_networks
from tests.headers import SHAPES, plain_file


def names(index: Index) -> list[str]:
    return [entry.name for entry in index.entries()]


def test_names_are_paths_below_the_folder_without_suffix(models: Path) -> None:
    assert names(Index((models,))) == ["broken", "in/deep", "old", "other", "tiny"]


def test_a_card_or_a_problem_but_not_both(models: Path) -> None:
    for entry in Index((models,)).entries():
        assert (entry.card is None) == bool(entry.problem)


def test_unusable_files_are_listed_with_their_reason(models: Path) -> None:
    problems = {entry.name: entry.problem for entry in Index((models,)).entries() if entry.problem}
    assert problems.keys() == {"broken", "old"}
    assert "cut off" in problems["broken"]
    assert "can run programs" in problems["old"]


def test_cards_bear_the_name_of_their_entry(models: Path) -> None:
    cards = [entry.card for entry in Index((models,)).entries() if entry.card]
    assert [card.name for card in cards] == ["in/deep", "other", "tiny"]


def test_the_list_refreshes_by_itself(models: Path, tiny_content: bytes) -> None:
    index = Index((models,))
    assert "new" not in names(index)
    (models / "Stable-diffusion" / "new.safetensors").write_bytes(tiny_content)
    assert "new" in names(index)
    (models / "Stable-diffusion" / "new.safetensors").unlink()
    assert "new" not in names(index)


def test_a_file_that_changed_is_read_again(models: Path, tiny_content: bytes) -> None:
    index = Index((models,))
    assert index.entries()[0].problem
    (models / "Stable-diffusion" / "broken.safetensors").write_bytes(tiny_content)
    assert not index.entries()[0].problem


@pytest.mark.parametrize("words", ['parameterization: "v"', "parameterization: 'v'", "parameterization: v"])
def test_a_yaml_that_comes_later_is_read(models: Path, words: str) -> None:
    """A1111's config beside an SD 2 checkpoint; its time may be older than the checkpoint's."""
    index, yaml = Index((models,)), models / "Stable-diffusion" / "plain.yaml"
    header_of(models / "Stable-diffusion" / "plain.safetensors")
    assert prediction(index) == "epsilon"
    yaml.write_text(f"model:\n  params:\n    {words}\n")
    os.utime(yaml, (1, 1))
    assert prediction(index) == "v_prediction"
    yaml.write_text('model:\n  params:\n    parameterization: "eps"\n    first_stage_key: "jpg"\n')
    assert prediction(index) == "epsilon"


def header_of(path: Path) -> Path:
    """A checkpoint that says nothing of itself but what its tensors tell."""
    return plain_file(path, SHAPES, {"taffy": json.dumps({"downscale": 4})})


def prediction(index: Index) -> str:
    card = index.find("plain").card
    return card.prediction if card else ""


def test_a_diffusers_folder_is_one_entry(models: Path) -> None:
    folder = models / "Stable-diffusion" / "folder.v2"
    folder.mkdir()
    (folder / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    entry = next(entry for entry in Index((models,)).entries() if entry.path == folder)
    assert entry.name == "folder.v2"
    assert "FluxPipeline" in entry.problem


def test_vaes_beside_checkpoints_and_hidden_files_are_not_listed(models: Path, tiny_content: bytes) -> None:
    (models / "Stable-diffusion" / "tiny.vae.safetensors").write_bytes(tiny_content)
    (models / "Stable-diffusion" / ".part.safetensors").write_bytes(tiny_content)
    (models / "Stable-diffusion" / "readme.txt").write_text("hello")
    assert names(Index((models,))) == ["broken", "in/deep", "old", "other", "tiny"]


def test_of_two_with_one_name_the_usable_one_keeps_it(models: Path, tmp_path: Path, tiny_content: bytes) -> None:
    (models / "Stable-diffusion" / "tiny.ckpt").write_bytes(b"x")
    second = tmp_path / "second" / "Stable-diffusion"
    second.mkdir(parents=True)
    (second / "tiny.safetensors").write_bytes(tiny_content)
    index = Index((models, tmp_path / "second"))
    assert index.find("tiny").path == models / "Stable-diffusion" / "tiny.safetensors"
    assert len(set(names(index))) == len(index.entries()) == 7
    assert "tiny.ckpt" in names(index)


def test_a_missing_models_folder_is_an_entry_with_a_problem(tmp_path: Path) -> None:
    (entry,) = Index((tmp_path / "typo",)).entries()
    assert "there is no models folder" in entry.problem


def test_loose_files_and_a_file_instead_of_a_folder_are_said(tmp_path: Path) -> None:
    file = header_of(tmp_path / "loose.safetensors")
    for named in (tmp_path, file):
        (entry,) = Index((named,)).entries()
        assert entry.problem == f"{named} has no folder that Taffy looks into"
        assert "put checkpoints into Stable-diffusion below it" in entry.advice
    (tmp_path / "Lora").mkdir()
    assert Index((tmp_path,)).entries() == ()


def test_a_models_folder_without_checkpoints_is_empty(tmp_path: Path) -> None:
    index = Index((tmp_path,))
    assert index.entries() == ()
    with pytest.raises(UnknownName) as caught:
        index.find("tiny")
    assert "put one into models/Stable-diffusion" in caught.value.advice


def test_an_unreadable_folder_is_an_entry_with_a_problem(tmp_path: Path) -> None:
    (tmp_path / "Stable-diffusion").write_text("a file where a folder should be")
    (entry,) = Index((tmp_path,)).entries()
    assert "cannot be read" in entry.problem


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_leaves_the_others_listed(models: Path) -> None:
    (models / "Stable-diffusion" / "in").chmod(0)
    entries = Index((models,)).entries()
    assert {entry.name for entry in entries if entry.card} == {"tiny", "other"}
    assert any("cannot be read" in entry.problem for entry in entries)


def test_links_that_lead_nowhere_or_in_circles_do_no_harm(models: Path) -> None:
    folder = models / "Stable-diffusion"
    (folder / "in" / "up").symlink_to(folder)
    (folder / "gone.safetensors").symlink_to(folder / "nothing")
    (folder / "self.safetensors").symlink_to(folder / "self.safetensors")
    entries = {entry.name: entry for entry in Index((models,)).entries()}
    assert "cannot be read" in entries["gone"].problem
    assert "cannot be read" in entries["self"].problem
    assert "tiny" in entries


@pytest.mark.parametrize("wanted", ["tiny", "TINY", "tiny.safetensors", " tiny ", "tiny.safetensors [0123456789]"])
def test_a_checkpoint_is_found_by_any_of_its_names(models: Path, wanted: str) -> None:
    assert Index((models,)).find(wanted).name == "tiny"


@pytest.mark.parametrize("wanted", ["in/deep", "deep", "deep.safetensors", "in/deep.safetensors"])
def test_one_in_a_folder_is_found_with_and_without_it(models: Path, wanted: str) -> None:
    assert Index((models,)).find(wanted).name == "in/deep"


def test_a_hash_finds_what_was_hashed(models: Path, tmp_path: Path) -> None:
    hashes = Hashes(tmp_path / "hashes")
    index = Index((models,), hashes)
    short = hashes.compute(models / "Stable-diffusion" / "other.safetensors")
    assert short is not None
    assert index.find(short).name == "other"
    assert index.find(f"renamed.safetensors [{short}]").name == "other"


@pytest.mark.parametrize(
    ("wanted", "error"), [("broken", BadCheckpoint), ("old", UnsafeFile), ("old.ckpt", UnsafeFile)]
)
def test_one_that_cannot_be_used_is_refused_with_its_reason(models: Path, wanted: str, error: type) -> None:
    with pytest.raises(error) as caught:
        Index((models,)).find(wanted)
    assert type(caught.value) is error


@pytest.mark.parametrize("wanted", ["", "nothing", "../tiny", "/etc/passwd", "x" * 10_000, "\0"])
def test_an_unknown_name_is_answered_with_the_known_ones(models: Path, wanted: str) -> None:
    with pytest.raises(UnknownName) as caught:
        Index((models,)).find(wanted)
    assert "tiny" in caught.value.advice
    assert len(caught.value.message) < 300


def test_reading_a_full_size_header_costs_little_more_than_parsing_its_json(tmp_path: Path) -> None:
    """500 of them took 0.84 to 1.5 s of CPU on a busy machine; compared with json alone because machines differ."""
    folder = tmp_path / "Stable-diffusion"
    folder.mkdir()
    tensors, end = {}, 0
    for key, weight in ldm_tensors(*sd15_networks()).items():
        place = [end, end := end + 2 * weight.numel()]
        tensors[key] = {"dtype": "F16", "shape": list(weight.shape), "data_offsets": place}
    raw = json.dumps(tensors).encode()
    for number in range(100):
        with (folder / f"{number}.safetensors").open("wb") as file:
            file.write(struct.pack("<Q", len(raw)) + raw)
            file.truncate(8 + len(raw) + end)
    index = Index((tmp_path,))
    started = process_time()
    assert all(entry.card for entry in index.entries())
    scanned = process_time()
    for _ in range(100):
        json.loads(raw)
    parsed = process_time()
    index.entries()
    again = process_time() - parsed
    assert scanned - started < 8 * (parsed - scanned)
    assert again < (scanned - started) / 5


def test_a_scan_leaves_the_garbage_collector_as_it_was(models: Path) -> None:
    Index((models,)).scan()
    assert gc.isenabled()
