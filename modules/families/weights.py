"""From file to networks: weights go straight into the precision and layout they are computed in, one by one."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from modules.core.errors import BadCheckpoint
from modules.families.device import Device
from modules.families.header import Header

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

REPORTS = 50  # how often a load says how far it is


@dataclass(frozen=True)
class Part:
    """A network built on the meta device, and the header's key for each of its parameters."""

    network: Module
    keys: Mapping[str, str]


def load_weights(header: Header, parts: list[Part], device: Device) -> Generator[tuple[int, int], None, None]:
    """Give every parameter its weights. Yields (bytes read, bytes in all). Raises BadCheckpoint.

    Needs the memory of the result and of one tensor; the file is mapped, not read into memory.
    """
    sizes = {key: _bytes(header, key) for part in parts for key in _checked(header, part)}
    total, done, shown = sum(sizes.values()), 0, 0
    yield 0, total
    for part in parts:
        weights: dict[str, Tensor] = {}
        parameters = part.network.state_dict()
        for name, stored in _read(header, part.keys):
            weights[name] = _converted(stored, parameters[name], device)
            done += sizes[part.keys[name]]
            if done - shown >= total / REPORTS:
                shown = done
                yield done, total
        part.network.load_state_dict(weights, assign=True)
        part.network.requires_grad_(False).eval()
    yield total, total


def _checked(header: Header, part: Part) -> Iterator[str]:
    """The part's keys. Raises BadCheckpoint if a tensor is missing or does not fit."""
    for name, parameter in part.network.state_dict().items():
        key = part.keys[name]
        shape = header.shape(key)
        if shape is None:
            raise BadCheckpoint(f"{header.path.name} is incomplete: {key} is missing", "download it again")
        if _without_ones(shape) != _without_ones(tuple(parameter.shape)):
            raise BadCheckpoint(
                f"{header.path.name} does not fit together: {key} has the shape {list(shape)}, "
                f"{list(parameter.shape)} was expected"
            )
        yield key


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """1x1 convolutions and linear layers are stored as each other."""
    return tuple(length for length in shape if length != 1)


def _bytes(header: Header, key: str) -> int:
    begin, end = header.tensors[key]["data_offsets"]
    return int(end - begin)


def _read(header: Header, keys: Mapping[str, str]) -> Iterator[tuple[str, Tensor]]:
    """Each parameter's name and stored tensor, file by file."""
    from safetensors import SafetensorError, safe_open

    def file_of(name: str) -> Path:
        return header.place(keys[name])[0]

    for path, names in groupby(sorted(keys, key=file_of), key=file_of):
        try:
            with safe_open(path, framework="pt") as file:
                for name in names:
                    yield name, file.get_tensor(header.place(keys[name])[1])
        except (SafetensorError, OSError) as error:
            raise BadCheckpoint(f"{path.name} cannot be read: {error}", "download it again") from error


def _converted(stored: Tensor, like: Tensor, device: Device) -> Tensor:
    """A copy of `stored` in the shape of `like`, in the device's precision and memory order."""
    import torch

    images = device.channels_last and like.ndim == 4
    order = torch.channels_last if images else torch.contiguous_format
    place = torch.empty(like.shape, dtype=device.torch_dtype, device=device.kind, memory_format=order)
    return place.copy_(stored.view(like.shape))
