"""The weights of a file as they are stored: mapped from a drive of this computer, read one by one from a network's.

A mapping on a network drive asks for a few pages at a time: SDXL took 40 to 50 s where reading takes 1 to 2 (ComfyUI
issue 2288).
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from io import FileIO
from mmap import ACCESS_COPY, mmap
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Protocol

from modules.core.errors import BadCheckpoint
from modules.families.drives import is_remote
from modules.families.header import read_header

if TYPE_CHECKING:
    import torch
    from torch import Tensor

DTYPES = {  # the file's -> torch's
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


class Stored(Protocol):
    """An open file; several threads may ask for weights at a time."""

    def get_tensor(self, name: str) -> Tensor: ...

    def read_into(self, name: str, room: Tensor) -> bool:
        """Fill contiguous memory of the same precision and order straight from the file. False: it is not such.

        On a drive of this computer that takes half the time of copying what was mapped. Raises BadCheckpoint.
        """
        ...


@contextmanager
def stored_weights(path: Path, remote: bool | None = None) -> Generator[Stored]:
    """remote: whether it lies on a network drive; None looks. Raises BadCheckpoint, OSError."""
    is_far = is_remote(path) if remote is None else remote
    with path.open("rb", buffering=0) as file:
        if is_far:
            yield Pieces(path, file)
        else:
            mapped = Mapped(path, file)
            try:
                yield mapped
            finally:  # for 2 GB that takes 50 ms, for which nobody needs to wait
                Thread(target=mapped.forget, name="unmapping").start()


class Pieces:
    """A safetensors file that is read tensor by tensor."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self._path = path
        self._file = file
        self._one = Lock()
        self._tensors = read_header(path).tensors
        weights = max((item["data_offsets"][1] for item in self._tensors.values()), default=0)
        self._first = path.stat().st_size - weights  # they lie at the end

    def get_tensor(self, name: str) -> Tensor:
        """Raises BadCheckpoint if the file has become shorter."""
        import torch

        item = self._tensors[name]
        begin, end = item["data_offsets"]
        room = torch.empty(end - begin, dtype=torch.uint8)
        self._read(begin, room)
        return room.view(self.dtype(name)).reshape(item["shape"])

    def read_into(self, name: str, room: Tensor) -> bool:
        import torch

        item = self._tensors[name]
        begin, end = item["data_offsets"]
        fits = room.dtype == self.dtype(name) and room.nbytes == end - begin
        if not fits or room.device.type != "cpu" or not room.is_contiguous():
            return False
        self._read(begin, room.reshape(-1).view(torch.uint8))
        return True

    def dtype(self, name: str) -> torch.dtype:
        import torch

        found: torch.dtype = getattr(torch, DTYPES[self._tensors[name]["dtype"]])
        return found

    def _read(self, begin: int, room: Tensor) -> None:
        """Bytes from `begin` of the weights on."""
        view, position = room.numpy().data, self._first + begin
        while len(view):
            count = self._some(position, view)
            if not count:
                raise BadCheckpoint(f"{self._path.name} ended while it was read", "is its drive still there?")
            view, position = view[count:], position + count

    def _some(self, position: int, view: memoryview) -> int:
        """How many bytes were read."""
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [view], position)
        with self._one:  # one place in the file for all threads
            self._file.seek(position)
            return self._file.readinto(view)


class Mapped(Pieces):
    """One that is mapped, for weights that are computed on their way into memory.

    By Python's own mapping: safetensors' takes 0.1 ms for each tensor, in which no other thread goes on.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        import torch

        super().__init__(path, file)
        mapping = mmap(file.fileno(), 0, access=ACCESS_COPY)  # torch warns of what cannot be written to
        self._bytes: Tensor | None = torch.frombuffer(mapping, dtype=torch.uint8)

    def get_tensor(self, name: str) -> Tensor:
        item, dtype = self._tensors[name], self.dtype(name)
        begin, end = (self._first + offset for offset in item["data_offsets"])
        if self._bytes is None or begin % dtype.itemsize or begin == end:
            return super().get_tensor(name)
        return self._bytes[begin:end].view(dtype).view(item["shape"])

    def forget(self) -> None:
        """Tensors that are still in use keep the mapping."""
        self._bytes = None
