"""A loaded folder that runs in diffusers' own pipeline. It paints whole pictures; nobody else can take its steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from inspect import signature
from typing import Any, NoReturn

import diffusers
import torch
from diffusers import SchedulerMixin
from torch import Tensor, nn

from modules.core.errors import BadRequest
from modules.core.family import CheckpointCard, Conditioning, NoiseLevels
from modules.core.moments import PaintedStep, WordAttention
from modules.core.request import GenerationRequest
from modules.families.device import Device
from modules.families.whole.steps import run
from modules.text.chunks import Words

MAX_SEED = 2**63 - 1  # of torch's generators


class PipelineFamily:
    """`Family` as far as a whole pipeline can be one, and `PaintsItself`."""

    def __init__(self, card: CheckpointCard, pipeline: Any, device: Device) -> None:
        self.card = card
        self.words: Words = {}
        self.pipeline = pipeline
        self._device = device
        parts = pipeline.components.items()
        self.networks: Mapping[str, nn.Module] = {name: part for name, part in parts if isinstance(part, nn.Module)}
        self._vae: Any = next((self.networks[part] for part in ("vae", "movq") if part in self.networks), None)
        self.vae_key = _key(self._vae)

    @property
    def facts(self) -> Mapping[str, str]:
        return {
            "Model": self.card.name,
            "Pipeline": self.card.pipeline,
            "Scheduler": type(self.pipeline.scheduler).__name__,
            "RNG": "CPU",
            "Attention": "the pipeline's own",
            "Precision": self._device.dtype,
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

    def paint(self, request: GenerationRequest, seeds: Sequence[int]) -> Generator[PaintedStep, None, Tensor]:
        """Every step of the pictures of some seeds; returns pixels (batch, 3, height, width), fp32 in 0..1."""
        schedulers = [part for part in self.pipeline.components.values() if isinstance(part, SchedulerMixin)]
        arguments = self.arguments(request, seeds)

        def call() -> Tensor:
            pixels: Tensor = self.pipeline(**arguments, output_type="pt", return_dict=False)[0]
            return pixels.float().clamp(0, 1).cpu()

        return (yield from run(schedulers, call))

    def arguments(self, request: GenerationRequest, seeds: Sequence[int]) -> dict[str, Any]:
        """How the pipeline is called for a request: what it does not know is left out."""
        wanted = {
            "prompt": [request.prompt] * len(seeds),
            "negative_prompt": [request.negative_prompt] * len(seeds),
            "width": request.width,
            "height": request.height,
            "num_inference_steps": request.steps,
            "guidance_scale": request.cfg_scale,
            "generator": [torch.Generator().manual_seed(seed % MAX_SEED) for seed in seeds],
            "clean_caption": False,  # would want packages that nothing else needs
            "use_resolution_binning": False,  # would paint at another size than was asked for
        }
        known = signature(type(self.pipeline).__call__).parameters
        return {name: value for name, value in wanted.items() if name in known}

    def shows(self, latents: Tensor) -> bool:
        """Whether `decode` can show latents as the pipeline has them on the way."""
        return latents.ndim == 4 and latents.shape[1] == self.card.latent_channels

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        if self._vae is None:
            return (latents.float() / 2 + 0.5).clamp(0, 1)
        config = self._vae.config
        scaled = latents / (config.get("scaling_factor") or 1) + (config.get("shift_factor") or 0)
        quantized = {"force_not_quantize": True} if "movq" in self.networks else {}
        pixels: Tensor = self._vae.decode(scaled.to(self._vae.dtype), **quantized)[0]
        return (pixels.float() / 2 + 0.5).clamp(0, 1)

    def attend(self, kernel: str) -> None:
        """The pipeline keeps the attention of its own networks, whatever is wanted of others."""

    def adapter_layers(self) -> Mapping[tuple[str, str], nn.Module]:
        return {}

    @property
    def noise_levels(self) -> NoiseLevels:
        self._refuse()

    def encode_prompt(self, prompt: str, clip_skip: int, negative: bool = False) -> Conditioning:
        self._refuse()

    def prompt_words(self, prompt: str) -> tuple[()]:
        return ()

    def watching(self, see: Callable[[WordAttention], None], layers: Collection[str]) -> AbstractContextManager[None]:
        self._refuse()

    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        self._refuse()

    def encode(self, pixels: Tensor) -> Tensor:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise BadRequest(f"{self.card.name} runs as a whole: only words can be turned into pictures with it")


def _key(vae: Any) -> str:
    """A digest of the decoder's biases and norms, as other families have it."""
    digest = sha256()
    for parameter in vae.decoder.parameters() if vae is not None else ():
        if parameter.ndim == 1:
            digest.update(parameter.float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
