"""The third stage: text encoder and U-Net, trained jointly to predict v (Salimans and Ho 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import CLIPTextModel

from modules.training.captions import describe
from modules.training.latents import LatentSet
from modules.training.loop import Stage
from modules.training.precision import mixed_precision
from modules.training.scenes import emphasised
from modules.training.tokens import UNKNOWN, CompactVocabulary

STEPS = 1000
BETAS = (0.00085, 0.012)
LATE = 1.0  # timesteps are drawn as T u^LATE with u uniform: below 1, more of them where the object is decided


class TextToLatent(nn.Module):
    """The two networks that learn together. The row of the unknown token is zero and stays so."""

    def __init__(self, text: CLIPTextModel, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.text, self.unet = text, unet
        table = text.get_input_embeddings()
        table.padding_idx = UNKNOWN  # no gradient reaches this row
        with torch.no_grad():
            table.weight[UNKNOWN] = 0

    def forward(self, noisy: Tensor, timesteps: Tensor, ids: Tensor) -> Tensor:
        """Predict v (n, 4, 16, 16) from noisy latents, timesteps (n,) and token ids (n, 77)."""
        v: Tensor = self.unet(noisy, timesteps, self.encode(ids)).sample
        return v

    def encode(self, ids: Tensor) -> Tensor:
        """Text states (n, 77, hidden). No mask: the padding is seen, as Stable Diffusion 1 does."""
        states: Tensor = self.text(input_ids=ids).last_hidden_state
        return states


def signal_levels() -> Tensor:
    """Cumulative products of alpha for Stable Diffusion's scaled-linear schedule: (1000,)."""
    betas = torch.linspace(BETAS[0] ** 0.5, BETAS[1] ** 0.5, STEPS, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0).float()


@dataclass(frozen=True)
class Batches:
    """Captioned latents of a step, drawn from the step's own seed."""

    data: LatentSet
    vocabulary: CompactVocabulary
    seed: int

    @cached_property
    def ladder(self) -> NDArray[np.float64]:
        """Where each scene's share of all draws ends."""
        return emphasised(self.data.scenes)

    def draw(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Latents (size, 4, 16, 16) and caption ids (size, 77)."""
        rng = np.random.default_rng((self.seed, 2, step))
        chosen = np.searchsorted(self.ladder, rng.random(size))
        captions = [describe(self.data.scenes[i], rng) for i in chosen]
        return self.data.latents[torch.from_numpy(chosen)], torch.stack(
            [self.vocabulary.encode(caption) for caption in captions]
        )


def v_loss(model: TextToLatent, clean: Tensor, ids: Tensor, levels: Tensor, step_seed: int) -> Tensor:
    """Squared error of v, with timesteps spread over the batch.

    Unweighted: what the object is gets decided at t = 700 to 950 on so small a latent, and min-SNR
    weights (Hang et al. 2023) are 0.09 to 0.005 there. With them, 2,380 steps learned hand and
    background but no objects.
    """
    generator = torch.Generator().manual_seed(step_seed)
    n = len(clean)
    strata = (torch.arange(n) + torch.rand(n, generator=generator)) / n
    timesteps = (strata**LATE * STEPS).long().clamp(max=STEPS - 1)
    noise = torch.randn(clean.shape, generator=generator)
    level = levels[timesteps][:, None, None, None]
    noisy = level.sqrt() * clean + (1 - level).sqrt() * noise
    target = level.sqrt() * noise - (1 - level).sqrt() * clean
    with mixed_precision():
        predicted: Tensor = model(noisy, timesteps, ids)
    return (predicted.float() - target).square().mean()


def denoiser_stage(model: TextToLatent, batches: Batches, batch: int = 24, peak_rate: float = 9e-4) -> Stage:
    """Text encoder and U-Net as a stage."""
    levels = signal_levels()

    def loss(step: int) -> Tensor:
        clean, ids = batches.draw(step, batch)
        return v_loss(model, clean, ids, levels, batches.seed * 1_000_003 + step)

    return Stage("denoiser", model, loss, batch, peak_rate, warmup=200, ema_decay=0.9995, decay_from=0.6)


@torch.inference_mode()
def ddim(model: TextToLatent, ids: Tensor, empty: Tensor, cfg: float, steps: int, noise: Tensor) -> Tensor:
    """Deterministic DDIM (Song et al. 2021) with guidance; ids (n, 77) -> scaled latents (n, 4, 16, 16)."""
    levels = signal_levels()
    context = torch.cat([model.encode(empty.expand_as(ids)), model.encode(ids)])
    timesteps = torch.linspace(STEPS - 1, 0, steps + 1).round().long()
    latents, clean = noise, noise
    for now, after in pairwise(timesteps):
        a, b = levels[now], levels[after]
        uncond, cond = model.unet(torch.cat([latents] * 2), now, context).sample.chunk(2)
        v: Tensor = uncond + cfg * (cond - uncond)
        clean = a.sqrt() * latents - (1 - a).sqrt() * v
        direction = (1 - a).sqrt() * latents + a.sqrt() * v
        latents = b.sqrt() * clean + (1 - b).sqrt() * direction
    return clean
