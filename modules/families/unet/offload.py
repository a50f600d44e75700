"""Networks that rest in RAM and come to the device when they are called, whole or piece by piece."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn

from modules.families.placement import BLOCKS, Placement

UNCUT = (BasicTransformerBlock, ResnetBlock2D, Downsample2D, Upsample2D)  # their layers look at each other's weights


class Piece:
    """A network or a block of one. stays: it is not taken away while its network computes."""

    def __init__(self, part: str, name: str, module: nn.Module) -> None:
        self.part = part
        self.name = name
        self.module = module
        self.stays = False
        self.arrival: Any = None  # event of the device after which it may be used
        self._parameters = list(module.parameters())
        self._home: list[Tensor] = []

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(parameter.nbytes for parameter in self._parameters)

    @property
    def is_here(self) -> bool:
        """Whether it is on the device."""
        return bool(self._home)

    @torch.inference_mode(False)
    def come(self, device: str) -> None:
        """Copies on the device take the place of the weights, which wait."""
        self._home = [parameter.data for parameter in self._parameters]
        for parameter in self._parameters:
            parameter.data = parameter.data.to(device, non_blocking=True, copy=True)

    def leave(self) -> None:
        """The weights that waited take their place again, unless the precision was changed meanwhile."""
        for parameter, home in zip(self._parameters, self._home, strict=True):
            parameter.data = home if home.dtype == parameter.dtype else parameter.data.to(home.device)
        self._home = []

    def used_on(self, stream: Any) -> None:
        """Its memory was given out on another stream: it is not to be taken back before this one is done with it."""
        for parameter in self._parameters:
            parameter.data.record_stream(stream)


class Offload:
    """In mode "parts" a network is one piece: it comes when it is called and leaves for the next one.

    In mode "blocks" the large one is cut. When one piece has been told what to do, the one that followed it last time
    comes already; as many as there is room for stay. Between pictures, and while adapters change weights, all `rest`.
    """

    def __init__(self, networks: Mapping[str, nn.Module], placement: Placement, device: str, large: str) -> None:
        self._device = device
        self._followers: dict[Piece, Piece] = {}
        self._last: Piece | None = None
        self._side: Any = getattr(torch, device).Stream() if device in {"cuda", "xpu"} else None
        whole = [Piece(part, "", network) for part, network in networks.items()]
        cut_up = [piece for piece in whole if placement.mode == BLOCKS and piece.part == large]
        blocks = [block for piece in cut_up for block in _blocks(piece, placement.room)]
        self.pieces = [piece for piece in whole if piece not in cut_up] + blocks
        me = weakref.ref(self)  # modules that knew us would keep themselves alive in a circle
        for index, piece in enumerate(self.pieces):
            callers = [piece.module] if piece in blocks else [piece.module, *piece.module.children()]
            for module in callers:
                module.register_forward_pre_hook(partial(_entered, me, index))
            if piece in blocks:
                piece.module.register_forward_hook(partial(_told, me, index))

    @property
    def here(self) -> tuple[str, ...]:
        """What is on the device: "<part>" or "<part>.<block>"."""
        return tuple(f"{piece.part}.{piece.name}".rstrip(".") for piece in self.pieces if piece.is_here)

    def rest(self) -> None:
        """Everything leaves the device. What adapters do to weights is then done to those that stay."""
        for piece in self.pieces:
            if piece.is_here:
                piece.leave()

    def enter(self, piece: Piece) -> None:
        """Before a piece computes: it is here, and what is not needed beside it is not."""
        if self._last is not None and self._last is not piece:
            self._followers[self._last] = piece
        self._last = piece
        for other in self.pieces:
            if other.is_here and other is not piece and not (other.stays and other.part == piece.part):
                other.leave()
        self._bring(piece)
        if self._side is not None:
            stream = getattr(torch, self._device).current_stream()
            stream.wait_event(piece.arrival)
            piece.used_on(stream)

    def expect(self, piece: Piece) -> None:
        """After a piece was told to compute: the one that followed it last time comes meanwhile."""
        follower = self._followers.get(piece)
        if follower is not None and follower.part == piece.part:
            self._bring(follower)

    def _bring(self, piece: Piece) -> None:
        if piece.is_here:
            return
        if self._side is None:
            piece.come(self._device)
            return
        with getattr(torch, self._device).stream(self._side):
            piece.come(self._device)
            piece.arrival = self._side.record_event()


def _entered(offload: weakref.ref[Offload], index: int, *_: object) -> None:
    if (known := offload()) is not None:
        known.enter(known.pieces[index])


def _told(offload: weakref.ref[Offload], index: int, *_: object) -> None:
    if (known := offload()) is not None:
        known.expect(known.pieces[index])


def _blocks(whole: Piece, room: int) -> list[Piece]:
    """A network in pieces. The smallest stay, as long as there is room for them beside the one that computes and the
    one that comes."""
    blocks = [Piece(whole.part, name, module) for name, module in cut(whole.module)]
    left = room - 2 * max(block.size for block in blocks)
    for block in sorted(blocks, key=lambda block: block.size):
        left -= block.size
        block.stays = left >= 0
    return blocks


def cut(network: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The blocks of a network that has weights in every one of them: each weight is in exactly one."""
    own = next(network.parameters(recurse=False), None) is not None
    if own or isinstance(network, UNCUT):
        yield name, network
        return
    for child, module in network.named_children():
        yield from cut(module, f"{name}.{child}".lstrip("."))
