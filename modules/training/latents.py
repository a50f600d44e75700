"""The second stage: many scenes rendered and encoded once, so that the denoiser's steps are cheap."""

from __future__ import annotations

import sys
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from modules.training.checkpoint import save_atomically
from modules.training.clock import Clock
from modules.training.compose import render
from modules.training.pack import Pack
from modules.training.scenes import Holdouts, Scene, draw_scene

CHUNK = 250


@dataclass(frozen=True)
class LatentSet:
    """Scaled latents (n, 4, 16, 16) with the scenes that they show."""

    latents: Tensor
    scenes: list[Scene]
    scaling_factor: float  # what the raw latents were multiplied by
    seconds: float  # working time that the encoding took


@torch.inference_mode()
def encode_scenes(
    vae: AutoencoderKL, pack: Pack, holdouts: Holdouts, seed: int, count: int, path: Path, clock: Clock
) -> LatentSet:
    """Render and encode scenes 0..count-1 of a seed, saving after every few chunks and resuming."""
    latents, scenes, clock.used = _read(path)
    while len(scenes) < count:
        pictures = []
        for i in range(len(scenes), min(len(scenes) + CHUNK, count)):
            scene = draw_scene(np.random.default_rng((seed, 1, i)), holdouts)
            pictures.append(render(scene, pack.sprites))
            scenes.append(scene)
            clock.tick()
        mean: Tensor = vae.encode(torch.stack(pictures) * 2 - 1).latent_dist.mean
        latents.append(mean.half())
        if len(scenes) % (20 * CHUNK) == 0 or len(scenes) >= count:
            save_atomically((torch.cat(latents), [astuple(scene) for scene in scenes], clock.used), path)
        sys.stderr.write(f"\rlatents {len(scenes)} of {count} ")
    raw = torch.cat(latents).float()
    factor = float(1 / raw.std())
    return LatentSet(raw * factor, scenes, factor, clock.used)


def _read(path: Path) -> tuple[list[Tensor], list[Scene], float]:
    if not path.exists():
        return [], [], 0.0
    latents, rows, seconds = torch.load(path, weights_only=True)
    return [latents], [Scene(*row) for row in rows], seconds
