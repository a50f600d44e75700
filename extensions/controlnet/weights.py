"""The tensors of a file in models/ControlNet. Nothing in a pickle runs: torch's own reader builds tensors alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from zipfile import ZIP_STORED, BadZipFile, ZipFile, is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from modules.hooks import BadRequest

Weights = Mapping[str, Tensor]
DAMAGED = (  # what the readers were seen to raise
    SafetensorError, UnpicklingError, BadZipFile, OSError, RuntimeError, EOFError, ValueError, TypeError, KeyError,
    IndexError,
)  # fmt: skip


def read_weights(path: Path) -> Weights:
    """By name, out of whatever training put around them. Raises BadRequest."""
    try:
        stored = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
    except DAMAGED as error:
        if isinstance(error, UnpicklingError) and "GLOBAL" in str(error):
            advice = "use the .safetensors version of it"
            raise BadRequest(f"{path.name} could run a program when it is opened, so it was not", advice) from error
        raise BadRequest(f"{path.name} cannot be read: {error!s:.160}", "download it again") from error
    inner = stored.get("state_dict", stored) if isinstance(stored, dict) else {}
    weights = inner.items() if isinstance(inner, dict) else ()
    return {str(name): weight for name, weight in weights if isinstance(weight, Tensor)}


def _unpickled(path: Path) -> object:
    """torch never compresses: an archive that is compressed may be gigabytes of zeros."""
    archived = is_zipfile(path)
    if archived:
        with ZipFile(path) as archive:
            if any(item.compress_type != ZIP_STORED for item in archive.infolist()):
                raise ValueError("its archive is compressed")
    return torch.load(path, map_location="cpu", weights_only=True, mmap=archived)
