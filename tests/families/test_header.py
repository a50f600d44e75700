from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.core.errors import BadCheckpoint, UnsafeFile
from modules.families.header import MAX_HEADER, MAX_TENSORS, read_header

GOOD = {"w": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}}


def write(path: Path, header: Mapping[str, Any] | bytes, body: int) -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(body))
    return path


def refusal(path: Path) -> str:
    started = process_time()
    with pytest.raises(BadCheckpoint) as caught:
        read_header(path)
    assert process_time() - started < 0.1
    assert path.name in caught.value.message
    return caught.value.message


def test_a_good_header_gives_shapes_and_metadata(tmp_path: Path) -> None:
    header = read_header(write(tmp_path / "a.safetensors", {"__metadata__": {"k": "v"}, **GOOD}, 12))
    assert header.shape("w") == (2, 3)
    assert header.shape("x") is None
    assert header.metadata == {"k": "v"}


def test_a_header_that_safetensors_itself_wrote_is_read(tiny_file: Path) -> None:
    assert len(read_header(tiny_file).tensors) == 396


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x05\x00", "cut off"),
        (b"GGUF" + bytes(100), "GGUF"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS pointer"),
        (pickle.dumps(list(range(99))), "pickle"),
        (struct.pack("<Q", 2**60) + b"{" + bytes(99), "claims 1,152,921,504,606,846,976 bytes"),
        (struct.pack("<Q", MAX_HEADER + 1) + b"{" + bytes(99), "at most 16,777,216 are allowed"),
        (struct.pack("<Q", 5000) + b"{" + bytes(99), "cut off"),
        (struct.pack("<Q", 10) + b"0123456789", "does not begin with a header"),
        (struct.pack("<Q", 10) + b"{123456789", "its JSON is damaged"),
        (struct.pack("<Q", 200_001) + b"{" + b"[" * 200_000, "its JSON is damaged"),
        (struct.pack("<Q", 5_008) + b'{"a": ' + b"9" * 5_000 + b" }", "its JSON is damaged"),
    ],
)
def test_a_file_that_is_something_else_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    assert words in refusal(path)


def test_a_renamed_zip_is_called_a_probable_pickle(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", "x")
    assert "a ZIP archive, probably a PyTorch pickle" in refusal(path)


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".pth", ".bin", ".CKPT"])
def test_pickles_are_unsafe_whatever_they_hold(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"anything")
    with pytest.raises(UnsafeFile, match="can run programs"):
        read_header(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtype": "F17"}, "unknown dtype"),
        ({"dtype": ["F16"]}, "damaged"),
        ({"shape": [2, 4]}, "does not fit its place"),
        ({"shape": [-2, -3]}, "impossible shape"),
        ({"shape": [2.0, 3]}, "impossible shape"),
        ({"shape": ["2", 3]}, "impossible shape"),
        ({"shape": [1] * 8 + [6]}, "9 dimensions"),
        ({"shape": [2**62, 2**62]}, "does not fit its place"),
        ({"data_offsets": [0]}, "its JSON is damaged"),
        ({"data_offsets": [4, 16]}, "gaps"),
        ({"data_offsets": None}, "damaged"),
    ],
)
def test_a_tensor_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    assert words in refusal(write(tmp_path / "a.safetensors", {"w": GOOD["w"] | change}, 12))


def test_overlapping_tensors_are_refused(tmp_path: Path) -> None:
    assert "overlap" in refusal(write(tmp_path / "a.safetensors", {"a": GOOD["w"], "b": GOOD["w"]}, 24))


def test_missing_bytes_are_counted(tmp_path: Path) -> None:
    assert "12 bytes of weights are announced, 7 are there" in refusal(write(tmp_path / "a.safetensors", GOOD, 7))


def test_bytes_after_the_last_tensor_are_refused(tmp_path: Path) -> None:
    assert "3 bytes after its last tensor" in refusal(write(tmp_path / "a.safetensors", GOOD, 15))


def test_metadata_must_be_text(tmp_path: Path) -> None:
    assert "metadata is not text" in refusal(write(tmp_path / "a.safetensors", {"__metadata__": {"a": 1}, **GOOD}, 12))


def test_a_million_tensors_are_refused_before_they_are_parsed(tmp_path: Path) -> None:
    item = b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    raw = b"{" + b",".join(item % number for number in range(MAX_TENSORS + 1)) + b"}"
    assert "more than 100,000 tensors" in refusal(write(tmp_path / "a.safetensors", raw, 0))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    assert "not a regular file" in refusal(tmp_path / "pipe.safetensors")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "gone.safetensors")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaging_a_header_never_gives_anything_but_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    content = bytearray(write(path, {"__metadata__": {"k": "v"}, **GOOD}, 12).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_header(path)
    except BadCheckpoint as error:
        assert "damaged.safetensors" in error.message


def test_a_diffusers_folder_gives_the_tensors_and_configs_of_its_parts(tiny_folder: Path) -> None:
    header = read_header(tiny_folder)
    assert header.shape("unet/conv_in.weight") == (32, 4, 3, 3)
    assert header.configs["vae"]["latent_channels"] == 4
    assert header.place("unet/conv_in.weight") == (
        tiny_folder / "unet" / "diffusion_pytorch_model.safetensors",
        "conv_in.weight",
    )


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path)


def test_a_folder_with_pickled_weights_is_unsafe(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "model_index.json").write_text("{}")
    (tmp_path / "unet" / "config.json").write_text("{}")
    (tmp_path / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(UnsafeFile):
        read_header(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000])
def test_a_folder_with_a_damaged_index_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "model_index.json").write_text(text)
    with pytest.raises(BadCheckpoint, match=r"model_index\.json is not"):
        read_header(tmp_path)
