"""The VAE of a checkpoint, kept safe from NaN: where fp16 overflows it goes on in a wider precision."""

from __future__ import annotations

import logging
from hashlib import sha256

import torch
from diffusers import AutoencoderKL
from torch import Tensor

log = logging.getLogger(__name__)


class Vae:
    """scaling_factor: latent = scaling_factor * encoded."""

    def __init__(self, network: AutoencoderKL, scaling_factor: float) -> None:
        self.network = network
        self.scaling_factor = scaling_factor
        self.key = _key(network, scaling_factor)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents (batch, c, h, w) -> pixels (batch, 3, height, width), fp32 in 0..1."""
        pixels: Tensor = self.network.decode(self._fitting(latents / self.scaling_factor)).sample
        if self._overflowed(pixels):
            return self.decode(latents)
        return (pixels.float() / 2 + 0.5).clamp(0, 1)

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        """Pixels (batch, 3, height, width), fp32 in 0..1 -> latents: the mean of the posterior."""
        mean: Tensor = self.network.encode(self._fitting(pixels * 2 - 1)).latent_dist.mean
        if self._overflowed(mean):
            return self.encode(pixels)
        return mean.float() * self.scaling_factor

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


def _key(vae: AutoencoderKL, scaling_factor: float) -> str:
    """A digest of the decoder's biases and norms: any training moves them, and they are small."""
    digest = sha256(f"{scaling_factor}".encode())
    for parameter in vae.decoder.parameters():
        if parameter.ndim == 1:
            digest.update(parameter.float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
