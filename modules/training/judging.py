"""How the judge is trained and examined: real drawings, spoilt in every way a generator spoils them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from modules.training.catalog import OWN_GROUND
from modules.training.judge import PLAIN, QUESTIONS, Judge
from modules.training.loop import Stage
from modules.training.renders import Bytes, RenderSet
from modules.training.scenes import Scene, emphasised

TRIPPED_SHARE = 0.4  # of a batch that went through the autoencoder
BATCH = 64
IGNORED = -100  # cross_entropy's own mark
WEIGHTS = {"concept": 1.0, "hand": 0.5, "treatment": 3.0, "background": 0.5}  # treatments are hardest to tell


@dataclass(frozen=True)
class Lessons:
    """Real pictures with their answers. Each set comes with its first pictures after the autoencoder."""

    renders: list[RenderSet]
    tripped: list[Bytes]
    seed: int

    @cached_property
    def ladders(self) -> list[NDArray[np.float64]]:
        """For each set, where each scene's share of all draws ends; only sets' beginnings have round trips."""
        return [
            emphasised(drawn.scenes[: len(tripped)]) for drawn, tripped in zip(self.renders, self.tripped, strict=True)
        ]

    def batch(self, step: int, size: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Spoilt pictures (size, 3, 64, 64) in 0..1, and the right answers by question."""
        rng = np.random.default_rng((self.seed, 3, step))
        pictures, scenes = [], []
        for _ in range(size):
            which = int(rng.integers(len(self.renders)))
            place = int(np.searchsorted(self.ladders[which], rng.random()))
            tripped = rng.random() < TRIPPED_SHARE
            pictures.append((self.tripped[which] if tripped else self.renders[which].pictures)[place])
            scenes.append(self.renders[which].scenes[place])
        return spoil(torch.from_numpy(np.stack(pictures)).float() / 255, rng), answers(scenes)


def answers(scenes: list[Scene]) -> dict[str, Tensor]:
    """The right answer to each question as its place in the list: (n,); `IGNORED` where the picture cannot tell."""
    said: dict[str, list[str | None]] = {
        "concept": [scene.concept for scene in scenes],
        "hand": [None if scene.treatment else scene.hand for scene in scenes],
        "treatment": [scene.treatment or PLAIN for scene in scenes],
        "background": [None if scene.treatment in OWN_GROUND else scene.background for scene in scenes],
    }
    return {
        name: torch.tensor([IGNORED if answer is None else QUESTIONS[name].index(answer) for answer in listed])
        for name, listed in said.items()
    }


def spoil(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Move, tilt and scale each picture, blur half of them, add noise to half, change the light of all."""
    n = len(pictures)
    scale = torch.from_numpy(rng.uniform(0.88, 1.12, (n, 2))).float()
    lean = torch.from_numpy(rng.normal(0, 0.06, (n, 2))).float()
    shift = torch.from_numpy(rng.uniform(-0.1, 0.1, (n, 2))).float()
    theta = torch.stack(
        [
            torch.stack([scale[:, 0], lean[:, 0], shift[:, 0]], 1),
            torch.stack([lean[:, 1], scale[:, 1], shift[:, 1]], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    small = F.interpolate(moved, scale_factor=float(rng.uniform(0.6, 0.95)), mode="bilinear", antialias=True)
    blurred = F.interpolate(small, size=pictures.shape[-2:], mode="bilinear")
    chosen = torch.from_numpy(rng.random((2, n, 1, 1, 1)) < 0.5)
    result = torch.where(chosen[0], blurred, moved)
    noise = torch.from_numpy(rng.normal(0, float(rng.uniform(0.01, 0.05)), tuple(pictures.shape))).float()
    light = torch.from_numpy(rng.uniform(0.9, 1.1, (n, 1, 1, 1))).float()
    return ((result + noise * chosen[1]) * light).clamp(0, 1)


def judge_stage(judge: Judge, lessons: Lessons, batch: int = BATCH) -> Stage:
    """The judge as a stage."""

    def loss(step: int) -> Tensor:
        pictures, right = lessons.batch(step, batch)
        with torch.autocast("cpu", torch.bfloat16):
            said = judge(pictures)
        losses = [
            WEIGHTS[name] * F.cross_entropy(logits.float(), right[name], ignore_index=IGNORED, label_smoothing=0.05)
            for name, logits in said.items()
        ]
        return torch.stack(losses).sum()

    return Stage("judge", judge, loss, batch, peak_rate=2e-3, warmup=200, ema_decay=0.998, decay_from=0.4)


@torch.inference_mode()
def round_trips(vae: AutoencoderKL, pictures: Bytes, chunk: int = 250) -> Bytes:
    """The same pictures (n, 3, 64, 64) after encode and decode."""
    results = []
    for start in range(0, len(pictures), chunk):
        real = torch.from_numpy(pictures[start : start + chunk].copy()).float() / 127.5 - 1
        with torch.autocast("cpu", torch.bfloat16):
            decoded: Tensor = vae.decode(vae.encode(real).latent_dist.mean).sample
        results.append(((decoded.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).numpy())
    return np.concatenate(results)


@torch.inference_mode()
def examine(judge: Judge, pictures: Bytes, scenes: list[Scene], chunk: int = 250) -> dict[str, Tensor]:
    """Which answers are right: for each question a bool (n,), without the pictures that cannot tell."""
    right = answers(scenes)
    said: dict[str, list[Tensor]] = {name: [] for name in right}
    for start in range(0, len(pictures), chunk):
        real = torch.from_numpy(pictures[start : start + chunk].copy()).float() / 255
        for name, logits in judge(real).items():
            said[name].append(logits.argmax(1))
    return {name: (torch.cat(said[name]) == right[name])[right[name] != IGNORED] for name in right}
