"""From file to networks: weights go straight into the precision and layout they are computed in, one by one."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from modules.core.errors import BadCheckpoint
from modules.core.scarcity import is_lack_of_memory
from modules.families.ahead import Ahead
from modules.families.device import Device
from modules.families.fill import fill, filled, new_room, room_for
from modules.families.header import Header
from modules.families.stored import Stored, stored_weights

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

    @property
    def is_whole(self) -> bool:
        """Whether the parameter lies in the file as it is, but for the order of `channels_last`."""
        return self.third is None and not self.transposed

    def as_stored(self, parameter: Tensor) -> Tensor:
        """A whole parameter in the file's order of dimensions; the same memory."""
        return parameter.permute(0, 2, 3, 1) if self.channels_last else parameter

    def cut(self, stored: Tensor) -> Tensor:
        """The parameter in a tensor of the file; the same memory."""
        if self.transposed:
            return stored.T
        if self.channels_last:
            return stored.permute(0, 3, 1, 2)
        return stored if self.third is None else stored.chunk(3)[self.third]

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

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        """As they were when they were first asked for, by name."""
        found: dict[str, Tensor] = self.network.state_dict()
        return found

    def on(self, device: Device) -> Device:
        """The device in this part's precision."""
        return replace(device, dtype=self.dtype or device.dtype)

    def prepared(self, name: str, header: Header) -> Part:
        """The same from a copy that was made of it, under the part's name."""
        shapes = {key: parameter.ndim for key, parameter in self.parameters.items()}
        places = {key: Place(f"{name}/{key}", channels_last=ndim == 4) for key, ndim in shapes.items()}
        return replace(self, places=places, header=header)


@dataclass(frozen=True)
class Wanted:
    """A parameter of a part, as it is now, whose weights lie in a file."""

    part: Part
    name: str
    parameter: Tensor

    @property
    def place(self) -> Place:
        return self.part.places[self.name]

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.place.size(self.part.header)

    @property
    def path(self) -> Path:
        return self.part.header.place(self.place.key)[0]

    @property
    def begin(self) -> int:
        """Byte of its file's weights."""
        return int(self.part.header.tensors[self.place.key]["data_offsets"][0])


@dataclass(frozen=True)
class Weight:
    """What is wanted, in its open file."""

    wanted: Wanted
    file: Stored

    @property
    def size(self) -> int:
        return self.wanted.size

    def into(self, room: Tensor) -> Tensor:
        """room[...] = the weight; returns room. Raises BadCheckpoint."""
        place, key = self.wanted.place, self.wanted.part.header.place(self.wanted.place.key)[1]
        try:
            if place.is_whole and self.file.read_into(key, place.as_stored(room)):
                return room
            return fill(room, place.cut(self.file.get_tensor(key)))
        except OSError as error:
            raise _unreadable(self.wanted.path, error) from error


def load_weights(parts: list[Part], device: Device) -> Generator[tuple[int, int], None, None]:
    """Give every parameter its weights. Yields (bytes read, bytes in all). Raises BadCheckpoint.

    Parameters that have memory are written over, not before the header was found to fit. All parts are read in one go,
    in the order of their file. Needs the memory of the result.
    """
    total = sum(place.size(part.header) for part in parts for place in checked(part))
    done, shown = 0, 0
    yield 0, total
    targets = {id(part): part.on(device) for part in parts}
    new: dict[int, dict[str, Tensor]] = {id(part): {} for part in parts}
    files = ExitStack()
    rooms = (
        (weight, room_for(weight.wanted.parameter, targets[id(weight.wanted.part)])) for weight in _read(parts, files)
    )
    with files, closing(filled(rooms)) as weights:  # files are closed when nobody reads them any more
        for weight, room in weights:
            wanted = weight.wanted
            if room is not wanted.parameter:
                new[id(wanted.part)][wanted.name] = room
            done += wanted.size
            if done - shown >= total / REPORTS:
                shown = done
                yield done, total
    for part in parts:
        if new[id(part)]:
            part.network.load_state_dict(new[id(part)], assign=True, strict=False)
            part.network.requires_grad_(False).eval()
    yield total, total


def converted(part: Part, device: Device) -> Iterator[tuple[str, Tensor]]:
    """Each parameter's name and its weights on the device, in the order they lie in the file."""
    target = part.on(device)
    with ExitStack() as files:
        for weight in _read([part], files):
            yield weight.wanted.name, weight.into(new_room(weight.wanted.parameter, target))


def checked(part: Part) -> Iterator[Place]:
    """The part's places. Raises BadCheckpoint if a tensor is missing or does not fit."""
    for name, parameter in part.parameters.items():
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


def _read(parts: list[Part], files: ExitStack) -> Iterator[Weight]:
    """Every parameter's weight, file by file in the order they lie there. files: closes those that were opened."""
    wanted = [Wanted(part, *named) for part in parts for named in part.parameters.items()]
    for path, ones in groupby(sorted(wanted, key=lambda one: (one.path, one.begin)), key=lambda one: one.path):
        first, *others = ones
        try:
            file, ahead = files.enter_context(stored_weights(path)), files.enter_context(Ahead(path, first.begin))
        except OSError as error:
            raise _unreadable(path, error) from error
        for one in (first, *others):
            ahead.reach(one.begin)
            yield Weight(one, file)


def _unreadable(path: Path, error: Exception) -> Exception:
    """What is wrong with the file; nothing, where memory lacked to map it."""
    if is_lack_of_memory(error):
        return MemoryError(str(error))
    return BadCheckpoint(f"{path.name} cannot be read: {error}", "download it again")
