"""A loaded Stable Diffusion 1.x checkpoint: text to conditioning, noise to pictures."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Mapping
from hashlib import sha256
from math import log, sqrt
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from modules.attention.base import KERNELS
from modules.core.errors import BadCheckpoint
from modules.core.family import CheckpointCard, Conditioning, NoiseLevels
from modules.families.base import ShortHash
from modules.families.device import Device
from modules.families.header import Header
from modules.families.sd1.configs import Configs, card_of, read_configs
from modules.families.sd1.layout import keys_of
from modules.families.sd1.prompt import encode_prompt
from modules.families.weights import Part, load_weights


class Sd1:
    """`Family` for SD 1.x. The three networks compute in the device's precision; latents stay fp32."""

    def __init__(
        self, card: CheckpointCard, configs: Configs, networks: Mapping[str, Any], device: Device, short_hash: ShortHash
    ) -> None:
        self.card = card
        self.noise_levels: NoiseLevels = configs.schedule.levels
        self.networks: Mapping[str, nn.Module] = networks
        self.unet: UNet2DConditionModel = networks["unet"]
        self.vae: AutoencoderKL = networks["vae"]
        self.text_encoder: CLIPTextModel = networks["text_encoder"]
        self.vae_key = _vae_key(self.vae, configs.scaling_factor)
        self._scaling_factor = configs.scaling_factor
        self._device = device
        self._short_hash = short_hash
        self._log_sigmas = [log(sigma) for sigma in self.noise_levels.sigmas]

    @property
    def facts(self) -> Mapping[str, str]:
        known = self._short_hash()
        return {
            **({"Model hash": known} if known else {}),
            "Model": self.card.name,
            "Precision": self._device.dtype,
            "Attention": self._device.attention,
            "Device": self._device.title,
            "Torch": str(torch.__version__),
            "Diffusers": diffusers.__version__,
        }

    @property
    def device(self) -> str:
        return self._device.kind

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        cell = self.card.downscale
        return self.card.latent_channels, height // cell, width // cell

    @torch.no_grad()
    def encode_prompt(self, prompt: str, clip_skip: int) -> Conditioning:
        states = encode_prompt(self.text_encoder, prompt, clip_skip, self._device.kind)
        return Conditioning(states.to(self._device.torch_dtype))

    @torch.no_grad()
    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        """The network sees x / sqrt(1 + sigma^2) and answers with epsilon or v (Salimans and Ho 2022, appendix D)."""
        scale = sqrt(1 + sigma**2)
        time = torch.tensor(self.time_of(sigma), device=x.device)
        seen = (x / scale).to(self._device.torch_dtype)
        output: Tensor = self.unet(seen, time, conditioning.embeddings.expand(len(x), -1, -1)).sample.float()
        if self.card.prediction == "v_prediction":
            return x / scale**2 - output * (sigma / scale)
        return x - sigma * output

    def time_of(self, sigma: float) -> float:
        """The fractional training step with this noise, log-linear between steps (k-diffusion's `sigma_to_t`)."""
        sigmas = self.noise_levels.sigmas
        if not sigmas[0] < sigma < sigmas[-1]:
            return 0.0 if sigma <= sigmas[0] else len(sigmas) - 1.0
        below = bisect_right(sigmas, sigma) - 1
        low, high = self._log_sigmas[below : below + 2]
        return below + (log(sigma) - low) / (high - low)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        scaled = (latents / self._scaling_factor).to(self._device.torch_dtype)
        pixels: Tensor = self.vae.decode(scaled).sample
        return (pixels.float() / 2 + 0.5).clamp(0, 1)

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        scaled = (pixels * 2 - 1).to(self._device.torch_dtype)
        mean: Tensor = self.vae.encode(scaled).latent_dist.mean
        return mean.float() * self._scaling_factor


def load_sd1(name: str, header: Header, device: Device, short_hash: ShortHash) -> Generator[tuple[int, int], None, Sd1]:
    """Yields (bytes done, bytes in all), returns the family. Raises BadCheckpoint."""
    configs = read_configs(header)
    networks = _networks(header, configs)
    parts = [Part(network, keys_of(header, part, network.state_dict())) for part, network in networks.items()]
    yield from load_weights(header, parts, device)
    positions = torch.arange(configs.text_encoder["max_position_embeddings"], device=device.kind)
    networks["text_encoder"].get_submodule("embeddings").position_ids = positions[None]
    for part in ("unet", "vae"):
        KERNELS[device.attention].use(networks[part])
    return Sd1(card_of(name, header), configs, networks, device, short_hash)


def _networks(header: Header, configs: Configs) -> dict[str, nn.Module]:
    """The three networks without memory for their weights. Raises BadCheckpoint if a config cannot be built."""
    try:
        with torch.device("meta"):
            return {
                "unet": UNet2DConditionModel.from_config(configs.unet),
                "vae": AutoencoderKL.from_config(configs.vae),
                "text_encoder": CLIPTextModel(CLIPTextConfig(**configs.text_encoder)),
            }
    except (TypeError, ValueError, KeyError, AttributeError, NotImplementedError, ZeroDivisionError) as error:
        raise BadCheckpoint(f"the config of {header.path.name} cannot be used: {error}") from error


def _vae_key(vae: AutoencoderKL, scaling_factor: float) -> str:
    """A digest of the decoder's biases and norms: any training moves them, and they are small."""
    digest = sha256(f"{scaling_factor}".encode())
    for parameter in vae.decoder.parameters():
        if parameter.ndim == 1:
            digest.update(parameter.float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
