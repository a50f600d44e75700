"""The first trained stage: an autoencoder that makes 64 x 64 pictures into 16 x 16 latents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from modules.training.catalog import BACKGROUNDS, EXTRAS, HAND_BY_WORD
from modules.training.compose import over, render, white_ink
from modules.training.loop import Stage
from modules.training.manners import MANNER
from modules.training.pack import Pack
from modules.training.photos import TRAINING, crop
from modules.training.renders import RenderSet
from modules.training.scenes import Holdouts, emphasised, scene_of
from modules.training.variation import USUAL, warp_grid

KL_WEIGHT = 1e-3
PHOTO_SHARE = 0.15  # crops of photographs, so that img2img of a person's own picture survives
EXTRA_SHARE = 0.12  # sprites outside the concept list
TEXTURE_SHARE = 0.05  # gradients and noise
EVALUATION_SEED = 10**9


@dataclass(frozen=True)
class Pictures:
    """Random pictures for the autoencoder; the held-out combinations are not among them."""

    pack: Pack
    renders: RenderSet
    seed: int

    def batch(self, step: int, size: int) -> Tensor:
        """Pictures of one step: (size, 3, 64, 64) in -1..1."""
        pictures = [self._picture(np.random.default_rng((self.seed, 0, step, i))) for i in range(size)]
        return torch.stack(pictures) * 2 - 1

    def _picture(self, rng: np.random.Generator) -> Tensor:
        kind = rng.random()
        if kind < TEXTURE_SHARE:
            return texture(rng)
        if kind < TEXTURE_SHARE + PHOTO_SHARE:
            return crop(self.pack.photos[TRAINING[int(rng.integers(len(TRAINING)))]], rng)
        if kind < TEXTURE_SHARE + PHOTO_SHARE + EXTRA_SHARE:
            return self._extra(rng)
        return self.renders.floats(np.searchsorted(self.ladder, rng.random(1)))[0]

    def _extra(self, rng: np.random.Generator) -> Tensor:
        """A sprite that is not a concept, over a random colour."""
        slug, hand = self.extras[int(rng.integers(len(self.extras)))]
        background = BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))]
        sprite = self.pack.sprites[slug, hand]
        if HAND_BY_WORD[hand].monochrome and background.is_dark:
            sprite = white_ink(sprite)
        grid = warp_grid(float(rng.uniform(0.6, 1.1)), (0.0, 0.0), sprite.shape[-1], rng, USUAL)
        placed = F.grid_sample(sprite[None], grid, align_corners=False)[0]
        return F.avg_pool2d(over(MANNER[hand](placed), background), 2)

    @cached_property
    def ladder(self) -> NDArray[np.float64]:
        """Where each scene's share of all draws ends."""
        return emphasised(self.renders.scenes)

    @cached_property
    def extras(self) -> list[tuple[str, str]]:
        """Keys of the sprites that no prompt asks for."""
        return [key for key in self.pack.sprites if key[0] in EXTRAS]


def texture(rng: np.random.Generator) -> Tensor:
    """Coloured noise of a random fineness over a two-colour gradient: (3, 64, 64)."""
    cells = int(rng.choice([2, 4, 8, 16]))
    noise = torch.from_numpy(rng.random((1, 3, cells, cells), np.float32))
    return F.interpolate(noise, size=(64, 64), mode="bicubic")[0].clamp(0, 1)


def vae_loss(vae: AutoencoderKL, pictures: Tensor, noise: Tensor) -> Tensor:
    """What the decoder gets wrong, and a small KL term per latent value."""
    with torch.autocast("cpu", torch.bfloat16):
        posterior = vae.encode(pictures).latent_dist
        decoded: Tensor = vae.decode(posterior.mean + posterior.std * noise).sample
    mean: Tensor = posterior.mean.float()
    logvar: Tensor = posterior.logvar.float()
    kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
    return reconstruction_loss(decoded.float() - pictures) + KL_WEIGHT * kl


def reconstruction_loss(error: Tensor) -> Tensor:
    """L1 + half squared error + half L1 of image gradients, of an error (n, 3, h, w)."""
    across, down = error.diff(dim=-1), error.diff(dim=-2)
    sharpness = across.abs().mean() + down.abs().mean()
    return error.abs().mean() + 0.5 * error.square().mean() + 0.5 * sharpness


def vae_stage(vae: AutoencoderKL, pictures: Pictures, batch: int = 8, peak_rate: float = 1e-3) -> Stage:
    """The autoencoder as a stage. Small batches: steps matter more than pictures here."""

    def loss(step: int) -> Tensor:
        generator = torch.Generator().manual_seed(pictures.seed * 1_000_003 + step)
        noise = torch.randn(batch, 4, 16, 16, generator=generator)
        return vae_loss(vae, pictures.batch(step, batch), noise)

    return Stage("vae", vae, loss, batch, peak_rate, warmup=100, ema_decay=0.998)


@torch.inference_mode()
def round_trip_psnr(vae: AutoencoderKL, pictures: Tensor) -> float:
    """Mean over pictures (n, 3, h, w) in -1..1 of the decibels of encode and decode, fp32."""
    decoded = vae.decode(vae.encode(pictures).latent_dist.mean).sample.clamp(-1, 1)
    error = ((decoded - pictures) / 2).square().mean((1, 2, 3))
    return float((-10 * error.log10()).mean())


def unseen_renders(pack: Pack, holdouts: Holdouts, count: int = 128) -> Tensor:
    """Pictures of held-out combinations, plain and treated in turn: (count, 3, 64, 64) in -1..1."""
    hands, treatments = sorted(holdouts.concept_hand), sorted(holdouts.concept_treatment)
    pictures = []
    for i in range(count):
        rng = np.random.default_rng((EVALUATION_SEED, i))
        background = BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))].word
        (concept, hand), treatment = hands[i // 2 % len(hands)], ""
        if i % 2:
            (concept, treatment), hand = treatments[i // 2 % len(treatments)], "bold"
        pictures.append(render(scene_of(concept, hand, treatment, background, rng, holdouts), pack.sprites))
    return torch.stack(pictures) * 2 - 1
