"""Writes a trained model as one fp16 file in Stable Diffusion 1's layout, with config and card inside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextModel

from modules.families.ldm_keys import text_keys, unet_keys, vae_keys
from modules.training.card import DESCRIPTION, card
from modules.training.checkpoint import Progress
from modules.training.denoiser import BETAS, STEPS, TextToLatent
from modules.training.shapes import DOWNSCALE, PICTURE, build_text_encoder
from modules.training.tokens import CompactVocabulary

DEFAULT_STEPS = 20
DEFAULT_CFG = 4.0
SCHEDULER: dict[str, Any] = {
    "num_train_timesteps": STEPS,
    "beta_start": BETAS[0],
    "beta_end": BETAS[1],
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
}


@dataclass(frozen=True)
class Trained:
    """A model as training leaves it: averaged weights, a compact token table, and its history."""

    model: TextToLatent
    vae: AutoencoderKL
    scaling_factor: float
    vocabulary: CompactVocabulary
    vae_progress: Progress
    progress: Progress


def write_checkpoint(path: Path, trained: Trained, evaluation: dict[str, Any] | None = None) -> None:
    """Export with the full token table and everything a loader or a reader wants to know."""
    training = {
        "samples": trained.progress.samples,
        "steps": trained.progress.step,
        "minutes": round(trained.progress.seconds / 60, 1),
        "vae_samples": trained.vae_progress.samples,
        "vae_minutes": round(trained.vae_progress.seconds / 60, 1),
        "threads": torch.get_num_threads(),
    }
    text = full_text_encoder(trained.model.text, trained.vocabulary)
    metadata = describe(trained.model.unet, trained.vae, text, trained.scaling_factor, card(training, evaluation))
    write_ldm(path, trained.model.unet, trained.vae, text, metadata)


def full_text_encoder(compact: CLIPTextModel, vocabulary: CompactVocabulary) -> CLIPTextModel:
    """The same encoder with CLIP's 49,408 rows; tokens that no caption had are zero."""
    text = build_text_encoder()
    state = compact.state_dict()
    (table,) = (key for key in state if key.endswith("token_embedding.weight"))
    text.load_state_dict({**state, table: vocabulary.scatter(state[table])})
    return text


def describe(
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    text: CLIPTextModel,
    scaling_factor: float,
    about: dict[str, Any],
) -> dict[str, str]:
    """The file's `__metadata__`: the modelspec keys, and `taffy` as JSON."""
    taffy = {
        "format": 1,
        "prediction_type": "v_prediction",
        "scaling_factor": scaling_factor,
        "downscale": DOWNSCALE,
        "native_size": PICTURE,
        "attention_heads": unet.config["attention_head_dim"],
        "default_steps": DEFAULT_STEPS,
        "default_cfg": DEFAULT_CFG,
        "config": {
            "unet": _plain(unet.config),
            "vae": {**_plain(vae.config), "scaling_factor": scaling_factor},
            "text_encoder": json.loads(text.config.to_json_string(use_diff=False)),
            "scheduler": {"_class_name": "DDIMScheduler", **SCHEDULER},
        },
        "card": about,
    }
    return {
        "modelspec.architecture": "stable-diffusion-v1",
        "modelspec.title": "Taffy starter",
        "modelspec.prediction_type": "v",
        "modelspec.resolution": f"{PICTURE}x{PICTURE}",
        "modelspec.license": "Apache-2.0; drawings: " + "; ".join(about["licences"]),
        "modelspec.description": DESCRIPTION,
        "taffy": json.dumps(taffy),
    }


def ldm_tensors(unet: UNet2DConditionModel, vae: AutoencoderKL, text: CLIPTextModel) -> dict[str, Tensor]:
    """All weights under their single-file names; the VAE's attention as 1x1 convolutions, as such files have it."""
    tensors: dict[str, Tensor] = {}
    for module, keys in ((unet, unet_keys), (vae, vae_keys), (text, text_keys)):
        weights: dict[str, Tensor] = module.state_dict()
        tensors |= {key: weights[name] for name, key in keys(weights.keys()).items()}
    return {
        key: weight[:, :, None, None] if ".mid.attn_1." in key and weight.ndim == 2 else weight
        for key, weight in tensors.items()
    }


def write_ldm(
    path: Path,
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    text: CLIPTextModel,
    metadata: dict[str, str],
) -> None:
    """One safetensors file, fp16, whole or not at all."""
    state = {key: value.half().contiguous() for key, value in ldm_tensors(unet, vae, text).items()}
    part = path.with_suffix(".part")
    save_file(state, part, metadata=metadata)
    part.chmod(0o644)  # safetensors writes files that only their owner can read
    part.replace(path)


def _plain(config: Any) -> dict[str, Any]:
    """A diffusers config without its private fields, but with its class and version."""
    keep = ("_class_name", "_diffusers_version")
    plain: dict[str, Any] = {k: v for k, v in dict(config).items() if not k.startswith("_") or k in keep}
    return plain
