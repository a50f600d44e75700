"""Checkpoints for tests and benches: real classes with random weights, written in the single-file layout of SD 1.x."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from modules.families.device import Device
from modules.families.header import read_header
from modules.families.sd1.family import Sd1, load_sd1
from modules.training.export import ldm_tensors

Result = TypeVar("Result")
SCHEDULER = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def tiny_unet(width: int = 32) -> UNet2DConditionModel:
    """Two levels, attention on the first; cross-attention width 32."""
    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(width, 2 * width),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
    )


def tiny_vae(levels: int = 3, attention: bool = True) -> AutoencoderKL:
    """An f = 2**(levels - 1) autoencoder with 4 latent channels."""
    return AutoencoderKL(
        block_out_channels=(16,) + (32,) * (levels - 1),
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        norm_num_groups=8,
        mid_block_add_attention=attention,
        scaling_factor=0.5,
    )


def tiny_text() -> CLIPTextModel:
    """Hidden size 32, two layers, the full vocabulary."""
    config = CLIPTextConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)
    return CLIPTextModel(config)


def sd15_networks(device: str = "meta") -> tuple[UNet2DConditionModel, AutoencoderKL, CLIPTextModel]:
    """SD 1.5's three networks at full size (2.1 GB as fp16); without memory unless a device is named."""
    with torch.device(device):
        return (
            UNet2DConditionModel(
                block_out_channels=(320, 640, 1280, 1280),
                cross_attention_dim=768,
                down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
                up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
            ),
            AutoencoderKL(
                block_out_channels=(128, 256, 512, 512),
                layers_per_block=2,
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
            ),
            CLIPTextModel(
                CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
            ),
        )


def configs(
    unet: UNet2DConditionModel, vae: AutoencoderKL, text: CLIPTextModel, prediction: str = "epsilon"
) -> dict[str, Any]:
    """What a checkpoint says about its parts under "config"."""
    return {
        "unet": _plain(unet.config),
        "vae": _plain(vae.config),
        "text_encoder": text.config.to_dict(),
        "scheduler": SCHEDULER | {"prediction_type": prediction, "clip_sample": False, "steps_offset": 1},
    }


def write_ldm(
    path: Path,
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    text: CLIPTextModel,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write the three parts as one fp16 safetensors file; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {key: weight.half().contiguous() for key, weight in ldm_tensors(unet, vae, text).items()}
    save_file(tensors, path, metadata=metadata or {})
    return path


def tiny_checkpoint(path: Path, prediction: str = "epsilon", seed: int = 0, width: int = 32) -> Path:
    """A 4 MB checkpoint with random weights: f=4, native size 64, card included. Returns its path.

    Last layers and cross-attention are amplified, so that pictures are not plain grey and prompts change them.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        unet, vae, text = tiny_unet(width), tiny_vae(), tiny_text()
        text.final_layer_norm.bias.normal_(0.2, 0.3)  # a mean of exactly zero cannot be restored after weighting
        unet.conv_out.weight.mul_(3)
        vae.decoder.conv_out.weight.mul_(2)
        for name, weight in unet.named_parameters():
            if ".attn2.to_v." in name or ".attn2.to_out.0.weight" in name:
                weight.mul_(4)
    taffy = {
        "format": 1,
        "prediction_type": prediction,
        "scaling_factor": 0.5,
        "downscale": 4,
        "native_size": 64,
        "attention_heads": 4,
        "default_steps": 4,
        "default_cfg": 3.0,
        "config": configs(unet, vae, text, prediction),
        "card": {
            "description": "random weights for tests",
            "concepts": ["cat", "rocket"],
            "hands": ["soft"],
            "examples": ["a cat"],
        },
    }
    return write_ldm(path, unet, vae, text, {"taffy": json.dumps(taffy)})


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in json.loads(json.dumps(dict(config))).items() if not key.startswith("_")}


def finished(stream: Generator[Any, None, Result]) -> Result:
    """What a generator returns once it has been run to its end."""
    while True:
        try:
            next(stream)
        except StopIteration as stop:
            result: Result = stop.value
            return result


def load_family(path: Path, dtype: str = "fp32") -> Sd1:
    """A checkpoint of `tiny_checkpoint`'s kind, loaded on the CPU."""
    return finished(load_sd1(path.stem, read_header(path), Device("cpu", dtype, True, "sdpa"), lambda: None))
