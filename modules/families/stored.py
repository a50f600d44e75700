"""The weights of a file as they are stored: mapped from a drive of this computer, read one by one from a network's.

A mapping on a network drive asks for a few pages at a time: SDXL took 40 to 50 s where reading takes 1 to 2 (ComfyUI
issue 2288).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from modules.core.errors import BadCheckpoint
from modules.families.drives import is_remote
from modules.families.header import read_header

if TYPE_CHECKING:
    from torch import Tensor

DTYPES = {  # the file's -> torch's
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


class Stored(Protocol):
    """An open file."""

    def get_tensor(self, name: str) -> Tensor: ...


@contextmanager
def stored_weights(path: Path, remote: bool | None = None) -> Generator[Stored]:
    """remote: whether it lies on a network drive; None looks. Raises BadCheckpoint, OSError, SafetensorError."""
    from safetensors import safe_open

    if is_remote(path) if remote is None else remote:
        with path.open("rb", buffering=0) as file:
            yield Pieces(path, file)
    else:
        with safe_open(path, framework="pt") as mapped:
            yield mapped


class Pieces:
    """A safetensors file that is read tensor by tensor."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        self._tensors = read_header(path).tensors
        weights = max((item["data_offsets"][1] for item in self._tensors.values()), default=0)
        self._first = path.stat().st_size - weights  # they lie at the end

    def get_tensor(self, name: str) -> Tensor:
        """Raises BadCheckpoint if the file has become shorter."""
        import torch

        item = self._tensors[name]
        begin, end = item["data_offsets"]
        room = torch.empty(end - begin, dtype=torch.uint8)
        view = room.numpy().data
        self._file.seek(self._first + begin)
        while len(view):
            count = self._file.readinto(view)  # type: ignore[attr-defined]
            if not count:
                raise BadCheckpoint(f"{self._path.name} ended while it was read", "is the network drive still there?")
            view = view[count:]
        return room.view(getattr(torch, DTYPES[item["dtype"]])).reshape(item["shape"])
