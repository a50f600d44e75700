"""The sizes of the three networks, as configs for the library classes, and how to build them."""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from modules.text.tokenizer import BOS, EOS
from modules.training.tokens import CONTEXT, VOCABULARY_SIZE

PICTURE = 64
DOWNSCALE = 4
LATENT = PICTURE // DOWNSCALE

VAE: dict[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "block_out_channels": [16, 32, 64],
    "down_block_types": ["DownEncoderBlock2D"] * 3,
    "up_block_types": ["UpDecoderBlock2D"] * 3,
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 8,
    "mid_block_add_attention": False,
    "sample_size": PICTURE,
}

UNET: dict[str, Any] = {
    "sample_size": LATENT,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": [64, 96, 128],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "cross_attention_dim": 64,
    "attention_head_dim": 4,  # the number of heads: diffusers' name is historical
    "norm_num_groups": 32,
}

TEXT: dict[str, Any] = {
    "vocab_size": VOCABULARY_SIZE,
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "max_position_embeddings": CONTEXT,
    "hidden_act": "quick_gelu",
    "projection_dim": 64,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "pad_token_id": EOS,
}


def build_vae(config: dict[str, Any] = VAE) -> AutoencoderKL:
    """A convolutional autoencoder with random weights."""
    return AutoencoderKL(**config)


def build_unet(config: dict[str, Any] = UNET) -> UNet2DConditionModel:
    """A denoiser with random weights."""
    return UNet2DConditionModel(**config)


def build_text_encoder(config: dict[str, Any] = TEXT, vocabulary: int | None = None) -> CLIPTextModel:
    """A CLIP text encoder with random weights; `vocabulary` rows if a compact table is wanted."""
    if vocabulary is not None:  # BOS and EOS are CLIP's two highest ids, so they are the last here too
        last = vocabulary - 1
        special = {"bos_token_id": last - 1, "eos_token_id": last, "pad_token_id": last}
        config = {**config, "vocab_size": vocabulary, **special}
    return CLIPTextModel(CLIPTextConfig(**config))
