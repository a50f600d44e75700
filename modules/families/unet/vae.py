"""The VAE of a checkpoint, kept safe from NaN: where fp16 overflows it goes on in a wider precision."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from modules.core.heap import return_freed_memory
from modules.core.scarcity import is_lack_of_memory, ram_free
from modules.families.unet.tiles import tiled

log = logging.getLogger(__name__)
TILE = 512  # pixels of a side
LIVING = 6  # layers alive at a time, and copies that kernels make of them


class Vae:
    """scaling_factor: latent = scaling_factor * encoded. free: bytes there are for work; None if nobody knows.

    tile: pixels of a side of the last picture's tiles; 0 if it went through whole.
    """

    def __init__(
        self, network: AutoencoderKL, scaling_factor: float, free: Callable[[], int | None] = ram_free
    ) -> None:
        self.network = network
        self.scaling_factor = scaling_factor
        self.key = _key(network, scaling_factor)
        self.tile = 0
        self._free = free

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents (batch, c, h, w) -> pixels (batch, 3, height, width), fp32 in 0..1."""
        pixels = self._in_room(self._decode, latents / self.scaling_factor, self._cell)
        if self._overflowed(pixels):
            return self.decode(latents)
        return (pixels.float() / 2 + 0.5).clamp(0, 1)

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        """Pixels (batch, 3, height, width), fp32 in 0..1 -> latents: the mean of the posterior."""
        mean = self._in_room(self._encode, pixels * 2 - 1, 1)
        if self._overflowed(mean):
            return self.encode(pixels)
        return mean.float() * self.scaling_factor

    @property
    def _cell(self) -> int:
        """Pixels of a latent cell's side."""
        return int(2 ** (len(self.network.config["block_out_channels"]) - 1))

    def _decode(self, latents: Tensor) -> Tensor:
        pixels: Tensor = self.network.decode(self._fitting(latents)).sample
        return pixels

    def _encode(self, pixels: Tensor) -> Tensor:
        mean: Tensor = self.network.encode(self._fitting(pixels)).latent_dist.mean
        return mean

    def _in_room(self, work: Callable[[Tensor], Tensor], x: Tensor, pixels: int) -> Tensor:
        """work(x) at once if there is memory for it, else in tiles. Where it runs out nevertheless, once more in tiles.

        pixels: of a side of one cell of x.
        """
        self.tile = 0 if self._fits(x, pixels) else TILE
        if not self.tile:
            try:
                return work(x)
            except (RuntimeError, MemoryError) as error:
                if not is_lack_of_memory(error) or max(x.shape[-2:]) * pixels <= TILE:
                    raise
            log.warning("there was not enough memory for the whole picture in the VAE: tiles of %d pixels", TILE)
            self.tile = TILE
        cells = max(1, self.tile // max(pixels, self._cell)) * (self._cell if pixels == 1 else 1)
        return tiled(work, x, cells, cells // 4 // self._cell * self._cell if pixels == 1 else cells // 4)

    def _fits(self, x: Tensor, pixels: int) -> bool:
        """Whether the widest layers at full size, `LIVING` of them at a time, fit into what is free."""
        network, size = self.network, len(x) * x.shape[-2] * x.shape[-1] * pixels**2
        wanted = needed(network.config["block_out_channels"], network.dtype.itemsize, size)
        if (free := self._free()) is None or wanted < free:
            return True
        return_freed_memory()  # what the steps took may be enough
        free = self._free()
        return free is None or wanted < free

    def _fitting(self, values: Tensor) -> Tensor:
        return values.to(self.network.dtype)

    def _overflowed(self, values: Tensor) -> bool:
        """Whether fp16 was too narrow; then the weights are fp32 from now on, and it is worth another try."""
        if self.network.dtype != torch.float16 or bool(torch.isfinite(values).all()):
            return False
        log.warning("the VAE overflowed in fp16 and continues in fp32")
        with torch.inference_mode(False):  # weights made inside that mode could not be changed outside it
            self.network.to(torch.float32)
        return True


def return_between_blocks(network: Any) -> None:
    """From now on memory is given back to the system between the levels of its decoder, and where the last one, which
    is the largest, has halved its channels.
    """
    levels = network.decoder.up_blocks
    for block in (network.decoder.conv_in, *levels, levels[-1].resnets[0]):
        block.register_forward_hook(_return_what_was_freed)


def _return_what_was_freed(block: nn.Module, _: object, answer: Tensor) -> None:
    """What was in use before lies in pieces too small for the next block, whose layers may be four times as large."""
    if answer.device.type == "cpu":
        return_freed_memory()


def needed(channels: Sequence[int], itemsize: int, pixels: int) -> int:
    """Bytes that a picture takes on its way through a VAE of such levels, beside weights. itemsize: of a number."""
    return LIVING * channels[min(1, len(channels) - 1)] * itemsize * pixels


def _key(vae: AutoencoderKL, scaling_factor: float) -> str:
    """A digest of the decoder's biases and norms: any training moves them, and they are small."""
    digest = sha256(f"{scaling_factor}".encode())
    for parameter in vae.decoder.parameters():
        if parameter.ndim == 1:
            digest.update(parameter.float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
