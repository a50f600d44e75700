from __future__ import annotations

import pytest
from torch.nn import Module

from modules.families.ldm_keys import text_key, unet_keys, vae_keys


@pytest.mark.parametrize(
    ("name", "key"),
    [  # keys as they stand in v1-5-pruned-emaonly.safetensors
        ("conv_in.weight", "input_blocks.0.0.weight"),
        ("time_embedding.linear_2.bias", "time_embed.2.bias"),
        ("down_blocks.0.resnets.1.conv1.weight", "input_blocks.2.0.in_layers.2.weight"),
        ("down_blocks.0.downsamplers.0.conv.weight", "input_blocks.3.0.op.weight"),
        ("down_blocks.1.attentions.0.proj_in.weight", "input_blocks.4.1.proj_in.weight"),
        ("down_blocks.3.resnets.1.time_emb_proj.bias", "input_blocks.11.0.emb_layers.1.bias"),
        ("mid_block.attentions.0.norm.weight", "middle_block.1.norm.weight"),
        ("mid_block.resnets.1.norm2.weight", "middle_block.2.out_layers.0.weight"),
        ("up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.1.conv.weight"),
        ("up_blocks.1.upsamplers.0.conv.weight", "output_blocks.5.2.conv.weight"),
        ("up_blocks.3.resnets.2.conv_shortcut.weight", "output_blocks.11.0.skip_connection.weight"),
        ("conv_norm_out.weight", "out.0.weight"),
    ],
)
def test_the_full_size_unet_has_the_known_keys(sd15_parts: dict[str, Module], name: str, key: str) -> None:
    assert unet_keys(sd15_parts["unet"].state_dict().keys())[name] == f"model.diffusion_model.{key}"


def test_no_two_parameters_of_the_unet_share_a_key(sd15_parts: dict[str, Module]) -> None:
    keys = unet_keys(sd15_parts["unet"].state_dict().keys())
    assert len(set(keys.values())) == len(keys) == 686


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("encoder.down_blocks.1.resnets.0.conv_shortcut.weight", "encoder.down.1.block.0.nin_shortcut.weight"),
        ("encoder.down_blocks.0.downsamplers.0.conv.bias", "encoder.down.0.downsample.conv.bias"),
        ("encoder.mid_block.attentions.0.to_out.0.weight", "encoder.mid.attn_1.proj_out.weight"),
        ("decoder.mid_block.resnets.1.norm1.weight", "decoder.mid.block_2.norm1.weight"),
        ("decoder.up_blocks.0.resnets.2.conv1.weight", "decoder.up.3.block.2.conv1.weight"),
        ("decoder.up_blocks.2.upsamplers.0.conv.weight", "decoder.up.1.upsample.conv.weight"),
        ("decoder.conv_norm_out.bias", "decoder.norm_out.bias"),
        ("quant_conv.weight", "quant_conv.weight"),
    ],
)
def test_the_full_size_vae_has_the_known_keys(sd15_parts: dict[str, Module], name: str, key: str) -> None:
    keys = vae_keys(sd15_parts["vae"].state_dict().keys())
    assert keys[name] == f"first_stage_model.{key}"
    assert len(set(keys.values())) == len(keys) == 248


def test_the_text_encoder_gets_the_prefix_that_transformers_dropped() -> None:
    key = "cond_stage_model.transformer.text_model.final_layer_norm.weight"
    assert text_key("final_layer_norm.weight") == text_key("text_model.final_layer_norm.weight") == key
