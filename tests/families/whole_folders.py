"""Tiny model folders with random weights, saved by diffusers, that run in pipelines of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from modules.text.tokenizer import EOS_TEXT
from tests.checkpoints import tiny_text, tiny_vae
from tests.families.oracle import tokenizer

WORDS = ("a", "cat", "dog", "red", "one", "ugly")


def latent_consistency() -> Any:
    """A U-Net behind CLIP, distilled to few steps (Luo et al. 2023)."""
    scheduler = diffusers.LCMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    return _around(_unet(time_cond_proj_dim=32), diffusers.LatentConsistencyModelPipeline, scheduler)


def distilled() -> Any:
    """Stable Diffusion with a smaller U-Net, which has no middle (BK-SDM, Kim et al. 2023)."""
    scheduler = diffusers.DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    return _around(_unet(mid_block_type=None), diffusers.StableDiffusionPipeline, scheduler)


def _unet(**more: Any) -> diffusers.UNet2DConditionModel:
    return diffusers.UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
        **more,
    )


def _around(unet: diffusers.UNet2DConditionModel, pipeline: Any, scheduler: Any) -> Any:
    return pipeline(
        vae=tiny_vae(),
        text_encoder=tiny_text(),
        tokenizer=tokenizer(EOS_TEXT),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_3() -> Any:
    """A rectified flow with a transformer, without its optional T5 (Esser et al. 2024)."""
    config = CLIPTextConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, projection_dim=32
    )
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=64,
        caption_projection_dim=32,
        pooled_projection_dim=64,
        out_channels=4,
    )
    vae = tiny_vae()
    vae.register_to_config(shift_factor=0.1)
    return diffusers.StableDiffusion3Pipeline(
        vae=vae,
        text_encoder=CLIPTextModelWithProjection(config),
        text_encoder_2=CLIPTextModelWithProjection(config),
        text_encoder_3=None,
        tokenizer=tokenizer(EOS_TEXT),
        tokenizer_2=tokenizer(EOS_TEXT),
        tokenizer_3=None,
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
    )


def pixart() -> Any:
    """A diffusion transformer behind T5 (Chen et al. 2023)."""
    specials = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    words = T5Tokenizer(vocab=[*specials, *((f"▁{word}", -1.0) for word in WORDS)], extra_ids=0)
    words.model_max_length = 12
    transformer = diffusers.PixArtTransformer2DModel(
        sample_size=16,
        patch_size=2,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        in_channels=4,
        out_channels=8,
        cross_attention_dim=32,
        caption_channels=32,
        use_additional_conditions=False,
    )
    return diffusers.PixArtSigmaPipeline(
        tokenizer=words,
        text_encoder=T5EncoderModel(
            T5Config(vocab_size=len(words), d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4)
        ),
        vae=tiny_vae(),
        transformer=transformer,
        scheduler=diffusers.DPMSolverMultistepScheduler(),
    )


FOLDERS: dict[str, Callable[[], Any]] = {"lcm": latent_consistency, "sd3": stable_diffusion_3, "pixart": pixart}


def save_folder(name: str, path: Path) -> Path:
    """Last layers are amplified, so that pictures are not plain grey. Returns the path."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        pipeline = (FOLDERS | {"distilled": distilled})[name]()
        pipeline.vae.decoder.conv_out.weight.mul_(2)
        for part in pipeline.components.values():
            for weight in part.parameters() if isinstance(part, torch.nn.Module) else ():
                if weight.ndim > 1 and not weight.any():  # zero at the start of a training
                    weight.normal_(0, 0.1)
    pipeline.save_pretrained(path)
    return path
