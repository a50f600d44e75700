"""From file to networks: weights go straight into the precision and layout they are computed in, one by one."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from modules.core.errors import BadCheckpoint
from modules.families.ahead import Ahead
from modules.families.device import Device
from modules.families.fill import fill, filled, new_room, room_for
from modules.families.header import Header
from modules.families.stored import stored_weights

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

REPORTS = 50  # how often a load says how far it is


@dataclass(frozen=True)
class Place:
    """Where a parameter lies in a file: a key, and which part of that tensor.

    third: 0, 1 or 2 of three equal parts of the rows (joined queries, keys and values); None: all of it.
    transposed: rows and columns are exchanged. channels_last: (out, rows, columns, in) instead of (out, in, rows, ...).
    """

    key: str
    third: int | None = None
    transposed: bool = False
    channels_last: bool = False

    def shape(self, header: Header) -> tuple[int, ...] | None:
        """Of the parameter; None if there is no such tensor."""
        whole = header.shape(self.key)
        if whole is None or not whole:
            return whole
        if self.transposed:
            return whole[::-1]
        if self.channels_last:
            return (whole[0], whole[-1], *whole[1:-1])
        return whole if self.third is None else (whole[0] // 3, *whole[1:])

    def size(self, header: Header) -> int:
        """Bytes in the file."""
        begin, end = header.tensors[self.key]["data_offsets"]
        return int(end - begin) // (1 if self.third is None else 3)


@dataclass(frozen=True)
class Part:
    """A network built on the meta device, and where each of its parameters lies in the header's file.

    dtype: "fp32", "bf16" or "fp16"; empty for the device's.
    """

    network: Module
    places: Mapping[str, Place]
    header: Header
    dtype: str = ""

    def on(self, device: Device) -> Device:
        """The device in this part's precision."""
        return replace(device, dtype=self.dtype or device.dtype)

    def prepared(self, name: str, header: Header) -> Part:
        """The same from a copy that was made of it, under the part's name."""
        shapes = {key: parameter.ndim for key, parameter in self.network.state_dict().items()}
        places = {key: Place(f"{name}/{key}", channels_last=ndim == 4) for key, ndim in shapes.items()}
        return replace(self, places=places, header=header)


def load_weights(parts: list[Part], device: Device) -> Generator[tuple[int, int], None, None]:
    """Give every parameter its weights. Yields (bytes read, bytes in all). Raises BadCheckpoint.

    Parameters that have memory are written over, not before the header was found to fit. Needs the memory of the
    result; a file on a drive of this computer is mapped, not read.
    """
    total = sum(place.size(part.header) for part in parts for place in checked(part))
    done, shown = 0, 0
    yield 0, total
    for part in parts:
        parameters, target = part.network.state_dict(), part.on(device)
        new: dict[str, Tensor] = {}
        stored = _read(part.header, part.places)
        work = ((name, room_for(parameters[name], target), weight) for name, weight in stored)
        for name, weight in filled(work):
            if weight is not parameters[name]:
                new[name] = weight
            done += part.places[name].size(part.header)
            if done - shown >= total / REPORTS:
                shown = done
                yield done, total
        if new:
            part.network.load_state_dict(new, assign=True, strict=False)
            part.network.requires_grad_(False).eval()
    yield total, total


def converted(part: Part, device: Device) -> Iterator[tuple[str, Tensor]]:
    """Each parameter's name and its weights on the device, in the order they lie in the file."""
    parameters, target = part.network.state_dict(), part.on(device)
    for name, stored in _read(part.header, part.places):
        yield name, fill(new_room(parameters[name], target), stored)


def checked(part: Part) -> Iterator[Place]:
    """The part's places. Raises BadCheckpoint if a tensor is missing or does not fit."""
    for name, parameter in part.network.state_dict().items():
        place, file = part.places[name], part.header.path.name
        shape = place.shape(part.header)
        if shape is None:
            raise BadCheckpoint(f"{file} is incomplete: {place.key} is missing", "download it again")
        if _without_ones(shape) != _without_ones(tuple(parameter.shape)):
            raise BadCheckpoint(
                f"{file} does not fit together: {place.key} has the shape {list(shape)}, "
                f"{list(parameter.shape)} was expected"
            )
        yield place


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """1x1 convolutions and linear layers are stored as each other."""
    return tuple(length for length in shape if length != 1)


def _read(header: Header, places: Mapping[str, Place]) -> Iterator[tuple[str, Tensor]]:
    """Each parameter's name and stored tensor, file by file."""
    from safetensors import SafetensorError

    def file_of(name: str) -> Path:
        return header.place(places[name].key)[0]

    def begin(name: str) -> tuple[Path, int]:
        return file_of(name), header.tensors[places[name].key]["data_offsets"][0]

    for path, names in groupby(sorted(places, key=begin), key=file_of):
        try:
            with stored_weights(path) as file, Ahead(path) as ahead:
                for name in names:
                    ahead.reach(begin(name)[1])
                    yield name, _cut(file.get_tensor(header.place(places[name].key)[1]), places[name])
        except (SafetensorError, OSError) as error:
            raise BadCheckpoint(f"{path.name} cannot be read: {error}", "download it again") from error


def _cut(stored: Tensor, place: Place) -> Tensor:
    if place.transposed:
        return stored.T
    if place.channels_last:
        return stored.permute(0, 3, 1, 2)
    return stored if place.third is None else stored.chunk(3)[place.third]
