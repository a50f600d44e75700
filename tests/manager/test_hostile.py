"""Hostile files of every kind: none is run, none takes a second, each is listed with its reason."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from modules.core.errors import BadCheckpoint, BadRequest, UnknownName
from modules.manager.adapters import Adapters
from modules.manager.hashes import Hashes
from modules.manager.index import Index
from modules.manager.library import Library
from modules.manager.sidecars import Sidecars
from modules.manager.vaes import Vaes
from modules.upscalers.index import UpscalerIndex

FOLDERS = ("Stable-diffusion", "Lora", "embeddings", "VAE", "ESRGAN")
ZERO = b'"%s":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
GOOD = {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]}


def file_of(header: object, size: int = 8, length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + bytes(size)


def many_tensors(count: int, name: bytes = b"") -> bytes:
    return file_of(b"{" + b",".join(ZERO % (name + b"%d" % number) for number in range(count)) + b"}", 0)


class Runs:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._folder),)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "truncated": lambda: file_of({"w": GOOD}, 3),
    "truncated header": lambda: file_of({"w": GOOD})[:20],
    "2^60 header": lambda: file_of({"w": GOOD}, length=2**60),
    "overlapping": lambda: file_of({"a": GOOD, "b": GOOD}, 16),
    "a million tensors": lambda: many_tensors(1_000_000),
    "a name of megabytes": lambda: file_of({"lora_up." * 1_000_000: GOOD}),
    "huge metadata": lambda: file_of({"__metadata__": {"x": "y" * 20_000_000}, "w": GOOD}),
    "nested": lambda: file_of(b'{"w":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "huge shape": lambda: file_of({"w": GOOD | {"shape": [2**62, 2**62]}}),
    "negative shape": lambda: file_of({"w": GOOD | {"shape": [-2, -2]}}),
    "../ names": lambda: file_of({"../../../evil": GOOD}),
    "renamed ZIP": lambda: b"PK\x03\x04" + bytes(100),
    "renamed pickle": lambda: pickle.dumps({"state_dict": 1}, protocol=2),
    "web page": lambda: b"<!DOCTYPE html><title>Log in</title>",
}
FINE = {
    ("../ names", "embeddings"),
    ("../ names", "ESRGAN"),
    ("many long names", "ESRGAN"),
}  # names of tensors are only names


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(Index([tmp_path]), Hashes(tmp_path / "cache"), Sidecars(tmp_path / "data"))


def listed(library: Library, models: Path) -> Iterator[tuple[Path, str]]:
    """Every file that is listed, and its problem."""
    yield from ((item.path, item.problem) for item in library.items())
    yield from ((entry.path, entry.problem) for entry in UpscalerIndex([models]).entries() if entry.path)


@pytest.mark.parametrize("content", HOSTILE)
def test_a_hostile_file_is_listed_with_its_reason_within_a_second(
    library: Library, tmp_path: Path, content: str
) -> None:
    data = HOSTILE[content]()
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "evil.safetensors").write_bytes(data)
    started = process_time()
    problems = {path.parent.name: problem for path, problem in listed(library, tmp_path)}
    assert process_time() - started < len(FOLDERS)
    assert problems.keys() == set(FOLDERS)
    assert {folder for folder, problem in problems.items() if not problem} == {f for c, f in FINE if c == content}
    assert not list(tmp_path.parent.rglob("evil"))


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".pth", ".bin"])
def test_a_pickle_that_would_run_code_is_listed_and_not_opened(library: Library, tmp_path: Path, suffix: str) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"evil{suffix}").write_bytes(pickle.dumps(Runs(tmp_path / "ran"), protocol=2))
    problems = {path.parent.name: problem for path, problem in listed(library, tmp_path)}
    del problems["ESRGAN"]  # opened as weights alone when it is used: tests/upscalers
    assert problems.keys() == set(FOLDERS) - {"ESRGAN"}
    assert all("can run programs when they are opened" in problem for problem in problems.values())
    assert not (tmp_path / "ran").exists()


def test_using_a_hostile_lora_embedding_or_vae_is_refused_by_its_name(tmp_path: Path) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "evil.safetensors").write_bytes(HOSTILE["2^60 header"]())
        (tmp_path / folder / "old.pt").write_bytes(pickle.dumps(Runs(tmp_path / "ran"), protocol=2))
    adapters = Adapters([tmp_path])
    for name in ("evil", "old"):
        with pytest.raises(BadCheckpoint, match=rf"{name}\."):
            adapters.lora(name)
        with pytest.raises(BadCheckpoint, match=rf"{name}\."):
            list(adapters._mentioned(name))
    assert Vaes([tmp_path]).names() == ("evil.safetensors",)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../secret", "..", "/etc/passwd", "a\0b", "C:\\x"])
def test_names_that_lead_out_of_the_folder_find_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "models" / "Lora").mkdir(parents=True)
    (tmp_path / "models" / "secret.safetensors").write_bytes(file_of({"w": GOOD}))
    models = [tmp_path / "models"]
    with pytest.raises(UnknownName):
        Index(models).find(name)
    with pytest.raises((UnknownName, BadRequest)):
        Adapters(models).lora(name)


def test_a_folder_with_hostile_parts_is_listed_with_its_reason(library: Library, tmp_path: Path) -> None:
    folders = tmp_path / "Stable-diffusion"
    for number, content in enumerate(HOSTILE.values()):
        part = folders / f"evil{number}" / "unet"
        part.mkdir(parents=True)
        (part.parent / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
        (part / "config.json").write_text("{}")
        (part / "diffusion_pytorch_model.safetensors").write_bytes(content())
    started = process_time()
    items = library.items()
    assert process_time() - started < len(HOSTILE)
    assert len(items) == len(HOSTILE)
    assert all(item.problem for item in items)


@pytest.mark.parametrize(
    "index",
    [
        {"_class_name": ["pipeline", "Evil"]},
        {"_class_name": {"a": 1}},
        {"_class_name": "StableDiffusionPipeline", "../../etc": ["os", "system"]},
        {"_class_name": "PixArtSigmaPipeline", "unet": ["subprocess", "run"]},
        {"_class_name": "PixArtSigmaPipeline", "unet": [["x"], 3]},
    ],
)
def test_an_index_that_names_code_is_refused_and_nothing_is_imported(
    library: Library, tmp_path: Path, index: dict[str, Any]
) -> None:
    folder = tmp_path / "Stable-diffusion" / "evil"
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps(index))
    (item,) = library.items()
    assert item.problem


def test_an_archive_whose_names_lead_out_of_it_writes_nothing(tmp_path: Path) -> None:
    from modules.manager.convert import convert_safely

    path = tmp_path / "in" / "evil.ckpt"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil/data.pkl", pickle.dumps({}, protocol=2))
    with pytest.raises(BadCheckpoint, match=r"evil\.ckpt"):
        convert_safely(path)
    assert [found.name for found in tmp_path.rglob("*")] == ["in", "evil.ckpt"]
