"""From a stored weight to one that is computed with: another precision, another memory order, the same numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from modules.families.device import Device
from modules.families.streamed import is_streamed, stream

if TYPE_CHECKING:
    from torch import Tensor, memory_format

PIECE = 1 << 19  # numbers whose fp32 form stays in the caches of a processor
AHEAD = 256 << 20  # bytes of a file


def room_for(parameter: Tensor, device: Device) -> Tensor:
    """The parameter itself if it has memory that fits the device, else new memory for it."""
    fits = parameter.device.type == (device.home or device.kind) and parameter.dtype == device.torch_dtype
    if fits and parameter.is_contiguous(memory_format=_order(parameter, device)):
        return parameter
    return new_room(parameter, device)


def new_room(parameter: Tensor, device: Device) -> Tensor:
    """Not yet filled, in the device's precision and memory order, where weights are put first."""
    import torch

    dtype, home = device.torch_dtype, device.home or device.kind
    with torch.inference_mode(False):  # weights made inside that mode could not be changed outside it
        return torch.empty(parameter.shape, dtype=dtype, device=home, memory_format=_order(parameter, device))


def _order(parameter: Tensor, device: Device) -> memory_format:
    import torch

    return torch.channels_last if device.channels_last and parameter.ndim == 4 else torch.contiguous_format


def fill(room: Tensor, stored: Tensor) -> Tensor:
    """room[...] = stored, rounded as `Tensor.to` rounds. Returns `room`.

    PyTorch's way from fp16 to bf16 goes number by number (2.0 s for Stable Diffusion 1.5 on one core); its ways from
    fp16 to fp32 and on to bf16 go by vectors (0.8 s), if what lies between does not leave the cache.
    """
    import torch

    stored = stored.reshape(room.shape)
    if is_streamed(room, stored):
        stream(room, stored)
        return room
    if (stored.dtype, room.dtype, room.device.type) != (torch.float16, torch.bfloat16, "cpu") or not room.ndim:
        return room.copy_(stored)
    rows = max(1, PIECE // max(1, room[0].numel()))
    reordered = not room.is_contiguous()
    for some, numbers in zip(torch.split(room, rows), torch.split(stored, rows), strict=True):
        exact = numbers.float()
        some.copy_(exact.bfloat16() if reordered else exact)  # to another order two bytes at a time, not four
    return room


class Source(Protocol):
    """A weight that can be put into memory. size: bytes where it lies."""

    @property
    def size(self) -> int: ...

    def into(self, room: Tensor) -> Tensor: ...


S = TypeVar("S", bound=Source)


def filled(weights: Iterable[tuple[S, Tensor]]) -> Generator[tuple[S, Tensor], None, None]:
    """The same pairs in the same order, each weight in its room; on a processor several at a time.

    Each core has weights of its own: where all share one, they wait for each other at every piece, and on a machine
    that does other things too this takes many times as long as the work. Much is begun ahead, so that no core waits
    for another's large weight.
    """
    import torch

    cores = torch.get_num_threads()
    with _one_core_each(), ThreadPoolExecutor(cores, "weights") as pool:
        begun: deque[tuple[S, Future[Tensor]]] = deque()
        ahead = 0
        for weight, room in weights:
            begun.append((weight, pool.submit(weight.into, room)))
            ahead += weight.size
            while ahead > AHEAD:
                first, done = begun.popleft()
                ahead -= first.size
                yield first, done.result()
        for weight, done in begun:
            yield weight, done.result()


@contextmanager
def _one_core_each() -> Iterator[None]:
    """Threads that begin within it compute on one core each."""
    import torch

    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(cores)
