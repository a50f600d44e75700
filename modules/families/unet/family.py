"""A loaded checkpoint around a UNet2DConditionModel: text to conditioning, noise to pictures."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from math import log, sqrt
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn

from modules.attention.watching import watching
from modules.core.family import CheckpointCard, Conditioning, NoiseLevels
from modules.core.moments import Word, WordAttention
from modules.core.scarcity import is_lack_of_memory
from modules.families.device import Device
from modules.families.placement import WHOLE, Placement
from modules.families.unet.alike import as_one
from modules.families.unet.configs import Configs
from modules.families.unet.kernel import use_kernel
from modules.families.unet.layers import adapter_layers
from modules.families.unet.offload import Offload
from modules.families.unet.quick import waits_for_words
from modules.families.unet.text import encode_prompt
from modules.families.unet.vae import Vae
from modules.text.chunks import Words, words_of

logger = logging.getLogger(__name__)
Facts = Callable[[], Mapping[str, str]]
GOOD, BAD = 6.0, 2.5  # scores the refiner is told for prompt and negative prompt (diffusers' and A1111's)


class UnetFamily:
    """`Family` for SD 1.x, SD 2.x and SDXL. Networks compute in the device's precision; latents stay fp32.

    words: tokens that stand for embeddings while an adapter adds them. file_facts: what a
    picture's record says about the checkpoint's files; asked for each time, because hashes become known later.
    plans: what each network was built from. placement: where its weights are while it paints. held: parts whose
    weights keep their place in memory (`hold`).
    """

    def __init__(
        self, card: CheckpointCard, configs: Configs, networks: Mapping[str, Any], device: Device, file_facts: Facts
    ) -> None:
        self.card = card
        self.kind = configs.kind
        self.plans = configs.plans
        self.noise_levels: NoiseLevels = configs.schedule.levels
        self.networks: Mapping[str, nn.Module] = networks
        self.unet: UNet2DConditionModel = networks["unet"]
        self.words: Words = {}
        self._vae = Vae(networks["vae"], configs.scaling_factor, device.free)
        self._zero_empty = configs.zero_empty
        self._device = device
        self._file_facts = file_facts
        self._log_sigmas = [log(sigma) for sigma in self.noise_levels.sigmas]
        self._one_by_one = False
        self._offload: Offload | None = None
        self.placement = Placement()
        self.held: set[str] = set()
        self.attend(device.attention)

    @property
    def vae(self) -> AutoencoderKL:
        return self._vae.network

    @property
    def text_encoder(self) -> Any:
        """The first one."""
        return self.networks[self.kind.encoders[0].part]

    @property
    def vae_key(self) -> str:
        return self._vae.key

    @property
    def facts(self) -> Mapping[str, str]:
        return {
            **self._file_facts(),
            "Model": self.card.name,
            "Precision": self._device.dtype,
            "Attention": self._kernel,
            "Attention because": self._why_kernel,
            **self._savings,
            "Device": self._device.title,
            "Torch": str(torch.__version__),
            "Diffusers": diffusers.__version__,
        }

    @property
    def _savings(self) -> dict[str, str]:
        """How memory was saved, where it was."""
        tiles = {"VAE tiles": str(self._vae.tile)} if self._vae.tile else {}
        weights = {} if self.placement.mode == WHOLE else {"Weights": self.placement.title}
        return weights | tiles | ({"Denoised": "one by one"} if self._one_by_one else {})

    @property
    def device(self) -> str:
        return self._device.kind

    def place(self, placement: Placement) -> None:
        """Unless all is on the device already: let networks, which are in RAM now, come when they are called."""
        self.placement = placement
        if placement.mode != WHOLE:
            self._offload = Offload(self.networks, placement, self._device.kind, "unet")

    @property
    def on_device(self) -> tuple[str, ...]:
        """What is there now, of weights that come and go."""
        return self._offload.here if self._offload else ()

    def rest(self) -> None:
        if self._offload:
            self._offload.rest()

    def hold(self, part: str) -> None:
        """From now on something depends on where a part's weights lie (a compiled graph): swaps copy into them."""
        for parameter in self.networks[part].parameters():
            parameter.data = parameter.data.clone()  # another checkpoint may share it
        self.held.add(part)

    def take_over(self, networks: Mapping[str, nn.Module], held: Iterable[str]) -> None:
        """Other modules, with this checkpoint's weights in them, take the place of some of its own."""
        self.networks = {**self.networks, **networks}
        self.unet = self.networks["unet"]
        self._vae.network = self.networks["vae"]
        self.held = set(held)

    def attend(self, kernel: str) -> None:
        self._device = replace(self._device, attention=kernel)
        use_kernel(self.vae, self._device)
        self._kernel, self._why_kernel = use_kernel(self.unet, self._device)

    def adapter_layers(self) -> Mapping[tuple[str, str], nn.Module]:
        return adapter_layers(self.networks)

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        cell = self.card.downscale
        return self.card.latent_channels, height // cell, width // cell

    @torch.no_grad()
    def encode_prompt(self, prompt: str, clip_skip: int, negative: bool = False) -> Conditioning:
        """pooled: SDXL's pooled vector; the refiner's score is its last number."""
        states, pooled = encode_prompt(self.networks, self.kind, prompt, clip_skip, self.words, self.device)
        if self._zero_empty and not prompt.strip():
            states, pooled = torch.zeros_like(states), None if pooled is None else torch.zeros_like(pooled)
        if pooled is not None and self.kind.score:
            pooled = torch.cat([pooled, pooled.new_tensor([[BAD if negative else GOOD]])], dim=1)
        dtype = self._device.torch_dtype
        return Conditioning(states.to(dtype), None if pooled is None else pooled.to(dtype))

    def prompt_words(self, prompt: str) -> tuple[Word, ...]:
        return words_of(prompt, words=self.words)

    def watching(self, see: Callable[[WordAttention], None], layers: Collection[str]) -> AbstractContextManager[None]:
        return watching(self.unet, see, layers)

    @torch.no_grad()
    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        """All rows at once; from the first lack of memory on one after the other, as long as this is loaded."""
        if not self._one_by_one or len(x) == 1:
            try:
                return self._denoise(x, sigma, conditioning)
            except (RuntimeError, MemoryError) as error:
                if len(x) == 1 or not is_lack_of_memory(error):
                    raise
            logger.warning("there was not enough memory for %d pictures at a time: one after the other", len(x))
            self._one_by_one = True
            self._device.empty()
        rows = [self._denoise(x[row : row + 1], sigma, _row(conditioning, row, len(x))) for row in range(len(x))]
        return torch.cat(rows)

    def _denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        """The network sees x / sqrt(1 + sigma^2) and answers with epsilon or v (Salimans and Ho 2022, appendix D)."""
        scale = sqrt(1 + sigma**2)
        seen = self._beside(x / scale, conditioning.concat).to(self._device.torch_dtype)
        if waits_for_words(self.unet):
            seen = as_one(seen)
        output: Tensor = self.unet(
            seen,
            torch.tensor(self.time_of(sigma), device=x.device),
            _for_each(conditioning.embeddings, len(x)),
            added_cond_kwargs=self._added(x, conditioning),
        ).sample.float()
        if self.card.prediction == "v_prediction":
            return x / scale**2 - output * (sigma / scale)
        return x - sigma * output

    def _beside(self, x: Tensor, concat: Tensor | None) -> Tensor:
        """What the U-Net's first layer sees. Instruct checkpoints were trained on latents that are not scaled."""
        if concat is None:
            return x
        return torch.cat([x, concat / (self._vae.scaling_factor if self.card.input_kind == "instruct" else 1)], 1)

    def _added(self, x: Tensor, conditioning: Conditioning) -> dict[str, Tensor] | None:
        """What SDXL is told beside words: the picture's size, that nothing was cropped, and the size or score wanted.

        (Podell et al. 2023, section 2.2.)
        """
        if conditioning.pooled is None:
            return None
        pooled = conditioning.pooled.expand(len(x), -1)
        height, width = (side * self.card.downscale for side in x.shape[-2:])
        wanted = [] if self.kind.score else [height, width]
        ids = torch.tensor([[height, width, 0, 0, *wanted]], dtype=torch.float32, device=x.device).expand(len(x), -1)
        if self.kind.score:
            pooled, score = pooled[:, :-1], pooled[:, -1:]
            ids = torch.cat([ids, score.float()], dim=1)
        return {"text_embeds": pooled, "time_ids": ids}

    def time_of(self, sigma: float) -> float:
        """The fractional training step with this noise, log-linear between steps (k-diffusion's `sigma_to_t`)."""
        sigmas = self.noise_levels.sigmas
        if not sigmas[0] < sigma < sigmas[-1]:
            return 0.0 if sigma <= sigmas[0] else len(sigmas) - 1.0
        below = bisect_right(sigmas, sigma) - 1
        low, high = self._log_sigmas[below : below + 2]
        return below + (log(sigma) - low) / (high - low)

    def decode(self, latents: Tensor) -> Tensor:
        return self._vae.decode(latents)

    def encode(self, pixels: Tensor) -> Tensor:
        return self._vae.encode(pixels)


def _for_each(embeddings: Tensor, rows: int) -> Tensor:
    """The very tensor if it has as many rows: attention keeps what it has computed about it."""
    return embeddings if len(embeddings) == rows else embeddings.expand(rows, -1, -1)


def _row(conditioning: Conditioning, row: int, rows: int) -> Conditioning:
    """What one of several pictures attends to."""

    def of(tensor: Tensor) -> Tensor:
        return tensor[row : row + 1] if len(tensor) == rows else tensor

    optional = (None if tensor is None else of(tensor) for tensor in (conditioning.pooled, conditioning.concat))
    return Conditioning(of(conditioning.embeddings), *optional)
