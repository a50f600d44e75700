"""What a checkpoint says before any weight is read: names, shapes and places of its tensors, its metadata.

Reads safetensors headers by itself (format: 8 bytes length, JSON, data), with limits, so that a hostile or broken file
costs milliseconds and gets a sentence; and folders in diffusers' layout. The front process can import it.
"""

from __future__ import annotations

import json
import os
import re
import stat
import struct
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from modules.core.errors import BadCheckpoint, UnsafeFile
from modules.core.paths import readable

MAX_HEADER = 16 * 2**20  # bytes; the header of an SDXL file has 0.3 MB
MAX_TENSORS = 100_000
MAX_RANK = 8
MAX_NAME = 1000  # characters
MAX_CONFIG = 2**20  # bytes of one JSON file of a diffusers folder
PICKLES = frozenset({".ckpt", ".pt", ".pth", ".bin"})
PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")
STEMS = ("diffusion_pytorch_model", "model")
VARIANTS = ("", ".fp16", ".non_ema")
CHECKERS = ("safety_checker", "feature_extractor", "watermarker")  # judge finished pictures, or mark them
MAX_SHARDS = 200
_NAME = re.compile(r"[A-Za-z]\w*")  # of a part: never a way out of the folder
BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
}  # fmt: skip
_BEGINNINGS = {
    b"PK\x03\x04": "a ZIP archive, probably a PyTorch pickle (.ckpt) that was renamed",
    b"\x80\x02": "a Python pickle that was renamed",
    b"\x80\x04": "a Python pickle that was renamed",
    b"GGUF": "a GGUF file that was renamed",
    b"version https://git-lfs": "a Git LFS pointer: the model itself was not downloaded (git lfs pull)",
    b"<": "a web page: the download asked for a login or failed",
}


@dataclass(frozen=True)
class Header:
    """tensors: by key, as the file says it: {"dtype", "shape", "data_offsets"}, checked.

    In a folder the key is "<part>/<name in that part's file>"; `files` and `configs` are by part. Of a part in several
    files `files` has the first, and `shards` says for each key which one it is in.
    prepared: of a copy of the same weights, made for this device, if there is one.
    """

    path: Path
    tensors: Mapping[str, Mapping[str, Any]]
    metadata: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shards: Mapping[str, Path] = field(default_factory=dict)
    prepared: Header | None = None

    def shape(self, key: str) -> tuple[int, ...] | None:
        """None if there is no such tensor."""
        return tuple(self.tensors[key]["shape"]) if key in self.tensors else None

    def has(self, beginning: str) -> bool:
        """Whether any key begins so."""
        at = bisect_left(self._in_order, beginning)
        return at < len(self._in_order) and self._in_order[at].startswith(beginning)

    @cached_property
    def _in_order(self) -> list[str]:
        return sorted(self.tensors)

    def place(self, key: str) -> tuple[Path, str]:
        """The file a tensor lies in and the name it has there."""
        part, _, name = key.partition("/")
        return (self.shards.get(key, self.files[part]), name) if part in self.files else (self.path, key)


def read_header(path: Path) -> Header:
    """Read a safetensors file's header or a diffusers folder's. Raises BadCheckpoint, UnsafeFile."""
    refuse_unreadable(path)
    try:
        return _read_folder(path) if path.is_dir() else _read_file(path)
    except OSError as error:
        raise BadCheckpoint(f"{path.name} cannot be read: {error.strerror or error}") from error


def refuse_unreadable(path: Path) -> None:
    """Raises BadCheckpoint for a name that is no text: nobody could ask for it, and no list could show it."""
    if (shown := readable(str(path))) != str(path):
        raise BadCheckpoint(f"the name of {Path(shown).name} or of its folder is not in UTF-8", "rename it")


def refuse_pickle(path: Path) -> None:
    """Raises UnsafeFile for the kinds of file that can run code when opened."""
    if path.suffix.lower() in PICKLES:
        raise UnsafeFile(
            f"{path.name} is a {path.suffix.lower()} file: such files can run programs when they are opened",
            "use the .safetensors version of this model, or convert it safely on the Models page",
        )


def _read_file(path: Path) -> Header:
    refuse_pickle(path)
    if path.suffix.lower() != ".safetensors":
        raise BadCheckpoint(f"{path.name} is not a checkpoint: only .safetensors files and diffusers folders are")
    if not stat.S_ISREG(path.stat().st_mode):
        raise BadCheckpoint(f"{path.name} is not a regular file")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = _header_length(path, file.read(32), size)
        file.seek(8)
        raw = file.read(length)
    return _parse(path, raw, size)


def _header_length(path: Path, beginning: bytes, size: int) -> int:
    """Bytes of JSON after the first eight, once they are known to be there and to be JSON."""
    if size == 0:
        raise BadCheckpoint(f"{path.name} is empty", "download it again")
    for mark, what in _BEGINNINGS.items():
        if beginning.startswith(mark):
            raise BadCheckpoint(f"{path.name} is not a safetensors file: it is {what}")
    if size < 10:
        raise BadCheckpoint(f"{path.name} is cut off: it has only {size} bytes", "download it again")
    (length,) = struct.unpack_from("<Q", beginning)
    if beginning[8:9] != b"{":
        raise BadCheckpoint(f"{path.name} is not a safetensors file: it does not begin with a header")
    if length > MAX_HEADER:
        raise BadCheckpoint(f"the header of {path.name} claims {length:,} bytes; at most {MAX_HEADER:,} are allowed")
    if length > size - 8:
        raise BadCheckpoint(f"{path.name} is cut off: its header should have {length:,} bytes", "download it again")
    return int(length)


class _Unusable(ValueError):
    """What is wrong with a header that is JSON."""


def _parse(path: Path, raw: bytes, size: int) -> Header:
    if raw.count(b'"data_offsets"') > MAX_TENSORS:
        raise BadCheckpoint(f"the header of {path.name} lists more than {MAX_TENSORS:,} tensors")
    try:
        tensors = from_json(raw)  # a quarter faster than json.loads
        metadata = tensors.pop("__metadata__", {})
        spans = _spans(tensors)
        if not all(isinstance(value, str) for value in metadata.values()):
            raise _Unusable("its metadata is not text")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = error if isinstance(error, _Unusable) else "its JSON is damaged"
        raise BadCheckpoint(f"the header of {path.name} cannot be used: {reason}", "download it again") from error
    _check_spans(path, spans, size - 8 - len(raw))
    return Header(path, tensors, metadata)


def _spans(tensors: dict[str, Any]) -> list[tuple[int, int]]:
    """Begin and end of every tensor, sorted, as many bytes as its shape and dtype need."""
    spans = []
    for name, item in tensors.items():
        if len(name) > MAX_NAME:
            raise _Unusable(f"the name of a tensor has {len(name):,} characters")
        bits, shape = BITS.get(item["dtype"]), item["shape"]
        if bits is None:
            raise _Unusable(f"{name!r:.99} has the unknown dtype {item['dtype']!r:.20}")
        if len(shape) > MAX_RANK:
            raise _Unusable(f"{name!r:.99} has {len(shape)} dimensions")
        for length in shape:
            if type(length) is not int or length < 0:
                raise _Unusable(f"{name!r:.99} has an impossible shape")
            bits *= length
        begin, end = item["data_offsets"]
        if bits != 8 * (end - begin):
            raise _Unusable(f"the shape of {name!r:.99} does not fit its place in the file")
        spans.append((begin, end))
    return sorted(spans)


def _check_spans(path: Path, spans: list[tuple[int, int]], room: int) -> None:
    """Tensors follow each other without gap or overlap, up to the end of the file."""
    position = 0
    for begin, end in spans:
        if begin != position:
            raise BadCheckpoint(f"the tensors of {path.name} overlap or have gaps: the file is damaged")
        position = end
    if position > room:
        raise BadCheckpoint(
            f"{path.name} is cut off: {position:,} bytes of weights are announced, {room:,} are there",
            "download it again",
        )
    if position < room:
        raise BadCheckpoint(f"{path.name} has {room - position:,} bytes after its last tensor: the file is damaged")


def _read_folder(path: Path) -> Header:
    """model_index.json, and config and weights of every network it has, in one file or several."""
    configs = {"model_index": _read_json(path / "model_index.json")}
    tensors: dict[str, Mapping[str, Any]] = {}
    files: dict[str, Path] = {}
    shards: dict[str, Path] = {}
    for part in _networks(path, configs["model_index"]):
        configs[part] = _read_json(path / part / "config.json")
        found = _weights_of(path / part)
        files[part] = found[0]
        for file in found:
            here = {f"{part}/{name}": item for name, item in _read_file(file).tensors.items()}
            tensors |= here
            shards |= dict.fromkeys(here, file) if len(found) > 1 else {}
    if (path / "scheduler").is_dir():
        configs["scheduler"] = _read_json(path / "scheduler" / "scheduler_config.json")
    return Header(path, tensors, files=files, configs=configs, shards=shards)


def _networks(path: Path, index: Mapping[str, Any]) -> list[str]:
    """The folders with networks: the usual ones, and what else the index names that has a config."""
    named = [part for part, place in index.items() if isinstance(place, list) and _NAME.fullmatch(part)]
    others = [part for part in named if part not in {*PARTS, *CHECKERS} and (path / part / "config.json").is_file()]
    return [part for part in (*PARTS, *others) if (path / part).is_dir()]


def _weights_of(folder: Path) -> list[Path]:
    """The safetensors files of one network: one, or the parts of a numbered set, of the first variant there is."""
    for stem in (f"{stem}{variant}" for variant in VARIANTS for stem in STEMS):
        if (folder / f"{stem}.safetensors").exists():
            return [folder / f"{stem}.safetensors"]
        if numbered := sorted(folder.glob(f"{stem}-?????-of-?????.safetensors")):
            return _complete(folder, numbered[:MAX_SHARDS])
    for pickle in sorted(folder.iterdir()):
        refuse_pickle(pickle)
    raise BadCheckpoint(f"the folder {folder.parent.name}/{folder.name} has no {' or '.join(STEMS)} as .safetensors")


def _complete(folder: Path, numbered: list[Path]) -> list[Path]:
    """Raises BadCheckpoint if one of a numbered set is missing."""
    count = int(numbered[0].stem[-5:]) if numbered[0].stem[-5:].isdecimal() else 0
    if len(numbered) != count:
        raise BadCheckpoint(
            f"the folder {folder.parent.name}/{folder.name} is incomplete: {len(numbered)} of {count} files are there",
            "download it again",
        )
    return numbered


def _read_json(path: Path) -> dict[str, Any]:
    where = f"{path.parent.name}/{path.name}"
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_CONFIG:
        raise BadCheckpoint(f"{where} is no regular file of at most {MAX_CONFIG:,} bytes")
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadCheckpoint(f"{where} is not readable JSON: {error}") from error
    if not isinstance(config, dict):
        raise BadCheckpoint(f"{where} is not a JSON object")
    return config
