"""A checkpoint of Stable Diffusion 1.5's size with random weights: as slow as the real one, and free."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from tests.checkpoints import write_ldm

Network = TypeVar("Network", bound=nn.Module)


def full_size_checkpoint(path: Path, seed: int = 0) -> Path:
    """Write 2.1 GB in the single-file layout, fp16, seeded; returns its path. Needs about 5 GB of memory."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768)  # else diffusers' defaults, which are its
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
        )
        text = CLIPTextModel(
            CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
        )
    return write_ldm(path, *(randomised(network, seed) for network in (unet, vae, text)))


def randomised(network: Network, seed: int = 0) -> Network:
    """Half-precision weights that keep the size of what passes through: norms 1, the rest 1 / sqrt(inputs)."""
    network = network.half().to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim == 1:
                weight.fill_(1.0 if name.endswith("weight") else 0.0)
            else:
                weight.normal_(0, weight[0].numel() ** -0.5, generator=generator)
    return network
