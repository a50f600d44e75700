"""The process that opens a pickle: `python -m modules.manager.convert_child <pickle> <safetensors>`.

Before the file is opened it gives up the network, the starting of programs and all writing but its one result.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.manager.pickles import LEFT_OUT, PARAMETERS

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # unshare(2)
FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "ctypes.dlopen")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class LeftOut:
    """In the place of what trainers keep beside the weights: takes anything and does nothing."""

    def __new__(cls, *_: object) -> LeftOut:
        return object.__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Whatever it was."""


class Parameters:
    """In the place of torch's ParameterDict. known: its parameters by name."""

    known: Mapping[str, Any]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.known = state.get("_parameters") or state


def main(source: str, target: str) -> None:
    import torch
    from safetensors.torch import save_file

    _give_up_network()
    _give_up_everything_but(target)
    torch.serialization.add_safe_globals([*((LeftOut, name) for name in LEFT_OUT), (Parameters, PARAMETERS)])
    found = torch.load(source, map_location="cpu", weights_only=True, mmap=_is_archive(source))
    save_file(_weights(found), target)


def _is_archive(source: str) -> bool:
    with Path(source).open("rb") as file:
        return file.read(2) == b"PK"


def _weights(found: Any) -> dict[str, Any]:
    """The tensors by name; checkpoints keep them below "state_dict", textual inversions below "string_to_param"."""
    import torch

    learned = found.get("string_to_param") if isinstance(found, Mapping) else None
    if isinstance(learned := getattr(learned, "known", learned), Mapping):
        vectors = next(one for one in learned.values() if isinstance(one, torch.Tensor))
        return {"emb_params": vectors.detach().contiguous().clone()}
    inner = found.get("state_dict", found) if isinstance(found, Mapping) else None
    tensors = {str(k): v for k, v in inner.items() if isinstance(v, torch.Tensor)} if isinstance(inner, Mapping) else {}
    if not tensors:
        raise SystemExit("it holds no weights by name")
    return {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}


def _give_up_network() -> None:
    """On Linux, where the system allows it: a network namespace with nothing in it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK)


def _give_up_everything_but(target: str) -> None:
    """Python's own events, on every system; a hook cannot be taken away again."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(FORBIDDEN):
            raise PermissionError(f"the file tried {event}")
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING and str(arguments[0]) != target:
            raise PermissionError(f"the file tried to write {str(arguments[0])!r:.99}")

    sys.addaudithook(refuse)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
