"""Checkpoints for tests and benches: real classes with random weights, written in the single-file layouts."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from modules.families import FAMILIES, recognise
from modules.families.device import Device
from modules.families.header import Header, read_header
from modules.families.sd1 import SD1
from modules.families.sd2 import SD2
from modules.families.sdxl import REFINER, SDXL
from modules.families.unet.family import UnetFamily
from modules.families.unet.kind import Kind
from modules.families.unet.layout import places_of
from modules.training.export import ldm_tensors

Result = TypeVar("Result")
SCHEDULER = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def tiny_unet(width: int = 32, in_channels: int = 4) -> UNet2DConditionModel:
    """Two levels, attention on the first; cross-attention width 32."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=in_channels,
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


def tiny_checkpoint(
    path: Path, prediction: str = "epsilon", seed: int = 0, width: int = 32, in_channels: int = 4
) -> Path:
    """A 4 MB checkpoint with random weights: f=4, native size 64, card included. Returns its path.

    Last layers and cross-attention are amplified, so that pictures are not plain grey and prompts change them.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        unet, vae, text = tiny_unet(width, in_channels), tiny_vae(), tiny_text()
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


KINDS = {"sd1": SD1, "sd2": SD2, "sdxl": SDXL, "refiner": REFINER}


def tiny_networks(kind: Kind, seed: int = 0, width: int = 32) -> dict[str, Any]:
    """All networks of a kind with random weights, amplified as in tiny_checkpoint."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        texts = {encoder.part: _tiny_encoder(encoder.hidden_act, encoder.projected) for encoder in kind.encoders}
        time_ids = 8 * kind.time_ids
        added: dict[str, Any] = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 32 + time_ids,
            "transformer_layers_per_block": [1, 2],
        }
        unet = UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(width, 2 * width),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32 * len(texts),
            attention_head_dim=[2, 4],
            use_linear_projection=True,
            **(added if kind.time_ids else {}),
        )
        vae = tiny_vae()
        unet.conv_out.weight.mul_(3)
        vae.decoder.conv_out.weight.mul_(2)
        for name, weight in unet.named_parameters():
            if ".attn2.to_v." in name or ".attn2.to_out.0.weight" in name:
                weight.mul_(4)
    return {"unet": unet, "vae": vae, **texts}


def _tiny_encoder(hidden_act: str, projected: bool) -> CLIPTextModel | CLIPTextModelWithProjection:
    """Hidden size 32, three layers, the full vocabulary; a mean of exactly zero cannot be restored after weighting."""
    config = CLIPTextConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        hidden_act=hidden_act,
        projection_dim=32,
        eos_token_id=49_407,
    )
    encoder = CLIPTextModelWithProjection(config) if projected else CLIPTextModel(config)
    for name, parameter in encoder.named_parameters():
        if name.endswith("final_layer_norm.bias"):
            parameter.normal_(0.2, 0.3)
    return encoder


def single_file_tensors(kind: Kind, networks: dict[str, Any]) -> dict[str, torch.Tensor]:
    """All weights in the single-file layout of their family, as its releases have it."""
    tensors: dict[str, torch.Tensor] = {}
    thirds: dict[str, dict[int, torch.Tensor]] = {}
    hint = Header(Path(), {f"{encoder.prefix}text_model.": {} for encoder in kind.encoders if not encoder.open_clip})
    parts = {encoder.part: encoder for encoder in kind.encoders}
    for part, network in networks.items():
        weights = network.state_dict()
        for name, place in places_of(hint, parts.get(part, part), weights).items():
            if place.third is not None:
                thirds.setdefault(place.key, {})[place.third] = weights[name]
            else:
                tensors[place.key] = weights[name].T if place.transposed else weights[name]
    tensors |= {key: torch.cat([rows[third] for third in range(3)]) for key, rows in thirds.items()}
    for encoder in kind.encoders:
        if encoder.unused_layers:
            count = networks[encoder.part].config.num_hidden_layers
            last, unused = (f"{encoder.prefix}transformer.resblocks.{layer}." for layer in (count - 1, count))
            tensors |= {unused + k.removeprefix(last): v * 0 for k, v in tensors.items() if k.startswith(last)}
    return {
        key: weight[:, :, None, None] if ".mid.attn_1." in key and weight.ndim == 2 else weight
        for key, weight in tensors.items()
    }


def tiny_file_of(
    path: Path, kind: Kind, prediction: str = "epsilon", seed: int = 0, marks: dict[str, torch.Tensor] | None = None
) -> Path:
    """A checkpoint of a kind with random weights: f=4, native size 64. marks: further tensors. Returns its path."""
    networks = tiny_networks(kind, seed)
    taffy = {
        "scaling_factor": 0.5,
        "native_size": 64,
        "default_steps": 4,
        "default_cfg": 3.0,
        "config": {
            "unet": _plain(networks["unet"].config),
            "vae": _plain(networks["vae"].config),
            "scheduler": SCHEDULER | ({"prediction_type": prediction} if prediction else {}),
            **{encoder.part: networks[encoder.part].config.to_dict() for encoder in kind.encoders},
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {key: weight.half().contiguous() for key, weight in single_file_tensors(kind, networks).items()}
    save_file(tensors | (marks or {}), path, metadata={"taffy": json.dumps(taffy)})
    return path


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


def load_family(path: Path, dtype: str = "fp32") -> UnetFamily:
    """A checkpoint around a U-Net, loaded on the CPU."""
    header = read_header(path)
    loader = FAMILIES[recognise(path.stem, header).family]
    family = finished(loader.load(path.stem, header, Device("cpu", dtype, True, "sdpa"), lambda: None))
    assert isinstance(family, UnetFamily)
    return family
