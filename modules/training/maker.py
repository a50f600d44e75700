"""Makes pictures with a written checkpoint, many at a time, in plain torch: for measuring, not for people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors import safe_open
from torch import Tensor

from modules.text.tokenizer import BOS, EOS
from modules.training.denoiser import TextToLatent, ddim
from modules.training.shapes import build_text_encoder, build_unet, build_vae
from modules.training.start import read_weights
from modules.training.tokens import CONTEXT, tokenize


@dataclass(frozen=True)
class Maker:
    """The three networks of a checkpoint and how they are best used."""

    model: TextToLatent
    vae: AutoencoderKL
    factor: float
    steps: int
    cfg: float

    @torch.inference_mode()
    def latents(self, prompts: list[str], seeds: list[int], chunk: int = 64) -> Tensor:
        """One scaled latent a prompt, each from its own seed's noise: (n, 4, 16, 16)."""
        made = []
        for start in range(0, len(prompts), chunk):
            ids = torch.stack([token_ids(prompt) for prompt in prompts[start : start + chunk]])
            noise = torch.stack([_noise(seed) for seed in seeds[start : start + chunk]])
            with torch.autocast("cpu", torch.bfloat16):
                made.append(ddim(self.model, ids, token_ids(""), self.cfg, self.steps, noise).float())
        return torch.cat(made)

    @torch.inference_mode()
    def decode(self, latents: Tensor, chunk: int = 64) -> Tensor:
        """Pictures (n, 3, 64, 64) in 0..1."""
        starts = range(0, len(latents), chunk)
        parts = [self.vae.decode(latents[i : i + chunk] / self.factor).sample for i in starts]
        return (torch.cat(parts) / 2 + 0.5).clamp(0, 1)

    @torch.inference_mode()
    def encode(self, pictures: Tensor, chunk: int = 250) -> Tensor:
        """Scaled latents of pictures (n, 3, 64, 64) in 0..1."""
        starts = range(0, len(pictures), chunk)
        parts = [self.vae.encode(pictures[i : i + chunk] * 2 - 1).latent_dist.mean for i in starts]
        return torch.cat(parts) * self.factor


def load_maker(path: Path) -> Maker:
    """Read a checkpoint that `export` has written; its config is in its metadata."""
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["taffy"])
    config = about["config"]
    unet, vae = build_unet(config["unet"]), build_vae(config["vae"])
    model = TextToLatent(build_text_encoder(config["text_encoder"]), unet)
    weights = read_weights(path, model.text, unet, vae)
    model.text.load_state_dict(weights.text)
    unet.load_state_dict(weights.unet)
    vae.load_state_dict(weights.vae)
    return Maker(model.eval(), vae.eval(), about["scaling_factor"], about["default_steps"], about["default_cfg"])


def token_ids(prompt: str) -> Tensor:
    """CLIP's ids, padded to 77 with EOS: (77,)."""
    ids = [BOS, *tokenize(prompt)][: CONTEXT - 1]
    return torch.tensor(ids + [EOS] * (CONTEXT - len(ids)))


def _noise(seed: int) -> Tensor:
    return torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(seed))
