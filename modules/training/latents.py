"""The rendered pictures encoded once, so that the denoiser's steps are cheap."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from modules.training.checkpoint import save_atomically
from modules.training.clock import Clock
from modules.training.renders import RenderSet
from modules.training.scenes import Scene

CHUNK = 250


@dataclass(frozen=True)
class LatentSet:
    """Scaled latents (n, 4, 16, 16) with the scenes that they show."""

    latents: Tensor
    scenes: list[Scene]
    scaling_factor: float  # what the raw latents were multiplied by
    seconds: float  # working time that the encoding took


@torch.inference_mode()
def encode_renders(vae: AutoencoderKL, renders: RenderSet, path: Path, clock: Clock) -> LatentSet:
    """Encode every picture, saving after every few chunks and resuming."""
    count = len(renders.scenes)
    latents, clock.used = _read(path)
    done = sum(map(len, latents))
    while done < count:
        chosen = np.arange(done, min(done + CHUNK, count))
        with torch.autocast("cpu", torch.bfloat16):
            mean: Tensor = vae.encode(renders.floats(chosen) * 2 - 1).latent_dist.mean
        latents.append(mean.half())
        done += len(chosen)
        clock.tick()
        if done % (40 * CHUNK) == 0 or done >= count:
            save_atomically((torch.cat(latents), clock.used), path)
        sys.stderr.write(f"\rlatents {done} of {count} ")
    raw = torch.cat(latents).float()
    factor = float(1 / raw.std())
    return LatentSet(raw * factor, renders.scenes, factor, clock.used)


def read_latents(path: Path) -> Tensor:
    """What `encode_renders` wrote, unscaled: (n, 4, 16, 16), fp16."""
    latents, _ = torch.load(path, weights_only=True)
    kept: Tensor = latents
    return kept


def _read(path: Path) -> tuple[list[Tensor], float]:
    if not path.exists():
        return [], 0.0
    latents, seconds = torch.load(path, weights_only=True)
    return [latents], seconds
