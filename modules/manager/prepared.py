"""Copies of checkpoints as this computer computes with them, on disk: loading one converts nothing.

Named by the checkpoint's hash and the precision. Safe to delete at any time; the one used longest ago leaves first.
"""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from modules.core.errors import BadCheckpoint, CannotSave
from modules.core.scarcity import is_lack_of_memory
from modules.families.base import Prepared
from modules.families.header import Header, read_header
from modules.manager.hashes import Hashes

if TYPE_CHECKING:
    from torch import Tensor

VERSION = "1"
DTYPES = {"bf16": ("BF16", 2), "fp32": ("F32", 4), "fp16": ("F16", 2)}  # ours -> the file's, bytes
NAMED = 24  # digits of the hash in a copy's name
ALIGNED = 64  # bytes: where the weights begin
SPARE = 10**9  # bytes of the disk that are left free
FORGOTTEN = 3600  # seconds after which half a copy is nobody's any more
log = logging.getLogger(__name__)


class PreparedCopies:
    """budget: bytes of all copies together; 0 makes and reads none."""

    def __init__(self, folder: Path, budget: int, hashes: Hashes) -> None:
        self.budget = budget
        self._folder = folder
        self._hashes = hashes

    @property
    def held(self) -> int:
        """Bytes of all copies."""
        return sum(size for _, _, size in self._files())

    def find(self, path: Path, dtype: str) -> Header | None:
        """The copy of a checkpoint as it is now, if there is one. One that cannot be used is thrown away."""
        digest = self._hashes.whole(path) if self.budget else None
        if not digest or not (file := self._file(digest, dtype)).is_file():
            return None
        try:
            header = read_header(file)
            if header.metadata != _marks(digest, dtype):
                raise BadCheckpoint("it was made by another version")
            os.utime(file)
        except (BadCheckpoint, OSError) as error:
            self.drop(file, str(error))
            return None
        return header

    def drop(self, file: Path, why: str) -> None:
        """Throw a copy away that cannot be used."""
        log.warning("a prepared copy is not used and made anew: %s", why)
        with suppress(OSError):  # Windows keeps a file that somebody reads
            file.unlink()

    def ask(self, path: Path, dtype: str, prepare: Callable[[], Prepared]) -> None:
        """Have a copy made in the background, once the checkpoint's hash is known, unless it is there."""
        if self.budget:
            self._hashes.after(path, lambda digest: self._made(path, digest, dtype, prepare))

    def _made(self, path: Path, digest: str, dtype: str, prepare: Callable[[], Prepared]) -> None:
        if self.find(path, dtype) is not None:
            return
        try:
            prepared = prepare()
            self.make(digest, dtype, replace(prepared, tensors=self._unchanged(path, digest, prepared.tensors)))
        except (CannotSave, BadCheckpoint) as error:
            log.warning("no prepared copy of %s: %s", path.name, error.message)
        except (RuntimeError, MemoryError) as error:
            if not is_lack_of_memory(error):
                raise
            log.warning("no prepared copy of %s: there is not enough memory to make it", path.name)

    def _unchanged(
        self, path: Path, digest: str, tensors: Iterable[tuple[str, Tensor]]
    ) -> Iterator[tuple[str, Tensor]]:
        """All of them. Raises BadCheckpoint if the file changed while they were read from it."""
        yield from tensors
        if self._hashes.whole(path) != digest:
            raise BadCheckpoint(f"{path.name} has changed")

    def make(self, digest: str, dtype: str, weights: Prepared) -> Path:
        """Write a copy whole or not at all; others leave for it. Raises CannotSave."""
        header, places, size = _layout(weights.shapes, dtype, _marks(digest, dtype))
        file = self._file(digest, dtype)
        temporary = file.with_name(f".{file.name}.{uuid4().hex[:8]}.tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room(size)
            with temporary.open("xb") as stream:
                stream.write(header)
                for key, weight in weights.tensors:
                    stream.seek(places[key])
                    stream.write(_bytes(weight))
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        except OSError as error:
            raise CannotSave(error.strerror or str(error)) from error
        finally:
            with suppress(OSError):
                temporary.unlink()
        return file

    def _make_room(self, size: int) -> None:
        """The copies used longest ago leave until one of this size fits. Raises CannotSave."""
        for left in self._folder.glob(".*.tmp"):
            if time() - left.stat().st_mtime > FORGOTTEN:
                left.unlink()
        if size > self.budget:
            raise CannotSave(f"it has {size / 1e9:.1f} GB, for all copies there are {self.budget / 1e9:.1f} GB")
        for _, file, _ in sorted(self._files()):
            if self.held + size <= self.budget:
                break
            file.unlink()
        if shutil.disk_usage(self._folder).free < size + SPARE:
            raise CannotSave("the disk is nearly full")

    def _files(self) -> list[tuple[float, Path, int]]:
        """Last use, place and bytes of every copy."""
        found = []
        for file in self._folder.glob("*.safetensors"):
            with suppress(OSError):  # it may leave just now
                state = file.stat()
                found.append((state.st_mtime, file, state.st_size))
        return found

    def _file(self, digest: str, dtype: str) -> Path:
        return self._folder / f"{digest[:NAMED]}-{dtype}.safetensors"


def _marks(digest: str, dtype: str) -> dict[str, str]:
    """What a copy says of itself."""
    return {"taffy_copy": VERSION, "sha256": digest, "dtype": dtype}


def _layout(
    shapes: Mapping[str, tuple[int, ...]], dtype: str, marks: Mapping[str, str]
) -> tuple[bytes, dict[str, int], int]:
    """A safetensors file's beginning, where each weight's bytes are to be written, and the bytes of it all."""
    name, width = DTYPES[dtype]
    header: dict[str, Any] = {"__metadata__": marks}
    begins, end = {}, 0
    for key, shape in shapes.items():
        begins[key], end = end, end + math.prod(shape) * width
        header[key] = {"dtype": name, "shape": shape, "data_offsets": [begins[key], end]}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % ALIGNED)
    first = 8 + len(text)
    return struct.pack("<Q", len(text)) + text, {key: first + begin for key, begin in begins.items()}, first + end


def _bytes(weight: Tensor) -> memoryview:
    import torch

    return weight.contiguous().view(torch.uint8).numpy().data
