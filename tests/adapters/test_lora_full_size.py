"""The names in LoRA files of full-size models, by the rules of the programs that write them, each find their layer.

The rules were checked against key lists of real files in public repositories: kohya's for SD 1.5, and the blocks of
an SDXL "slider" (self-attention alone, no text encoder, no metadata) in InvokeAI's tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from modules.adapters.files import base_of
from modules.adapters.lora_keys import layers_of
from modules.families.unet.layers import adapter_layers
from tests.checkpoints import sd15_networks

SDXL_BLOCKS = {  # block -> transformer blocks in it
    **{f"down_blocks_1_attentions_{i}": 2 for i in range(2)},
    **{f"down_blocks_2_attentions_{i}": 10 for i in range(2)},
    "mid_block_attentions_0": 10,
    **{f"up_blocks_0_attentions_{i}": 10 for i in range(3)},
    **{f"up_blocks_1_attentions_{i}": 2 for i in range(3)},
}
SDXL_LDM = {"input_blocks_4_1": 2, "input_blocks_5_1": 2, "input_blocks_7_1": 10, "input_blocks_8_1": 10}
SDXL_LDM |= {"middle_block_1": 10} | {f"output_blocks_{i}_1": 10 if i < 3 else 2 for i in range(6)}
ATTENTION = tuple(f"{one}_{which}" for one in ("attn1", "attn2") for which in ("to_q", "to_k", "to_v", "to_out_0"))


@pytest.fixture(scope="module")
def sd15() -> dict[str, nn.Module]:
    unet, _, text = sd15_networks()
    return {"unet": unet, "text_encoder": text}


@pytest.fixture(scope="module")
def sdxl() -> dict[str, nn.Module]:
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=[1, 2, 10],
            attention_head_dim=[5, 10, 20],
            cross_attention_dim=2048,
            use_linear_projection=True,
        )
    return {"unet": unet}


def kohya_sd15() -> Iterator[str]:
    """192 modules of the U-Net, 72 of the text encoder."""
    blocks = [f"down_blocks_{i}_attentions_{j}" for i in range(3) for j in range(2)]
    blocks += ["mid_block_attentions_0", *(f"up_blocks_{i}_attentions_{j}" for i in range(1, 4) for j in range(3))]
    for block in blocks:
        for inside in (*ATTENTION, "ff_net_0_proj", "ff_net_2"):
            yield f"lora_unet_{block}_transformer_blocks_0_{inside}"
        yield from (f"lora_unet_{block}_{end}" for end in ("proj_in", "proj_out"))
    for layer in range(12):
        for inside in ("self_attn_q_proj", "self_attn_k_proj", "self_attn_v_proj", "self_attn_out_proj"):
            yield f"lora_te_text_model_encoder_layers_{layer}_{inside}"
        yield from (f"lora_te_text_model_encoder_layers_{layer}_mlp_{end}" for end in ("fc1", "fc2"))


def in_blocks(blocks: dict[str, int], inside: tuple[str, ...], prefix: str = "lora_unet_") -> list[str]:
    return [
        f"{prefix}{block}_transformer_blocks_{i}_{one}"
        for block, count in blocks.items()
        for i in range(count)
        for one in inside
    ]


def lora_keys(modules: Iterator[str] | list[str]) -> list[str]:
    return [f"{module}{end}" for module in modules for end in (".lora_down.weight", ".lora_up.weight", ".alpha")]


def test_every_layer_of_a_kohya_file_for_sd15_is_found(sd15: dict[str, nn.Module]) -> None:
    layers, strange = layers_of(lora_keys(kohya_sd15()))
    assert (len(layers), strange) == (264, [])
    assert layers.keys() <= adapter_layers(sd15).keys()


@pytest.mark.parametrize("blocks", [SDXL_BLOCKS, SDXL_LDM], ids=["diffusers", "ldm"])
def test_every_layer_of_a_file_for_sdxl_is_found_in_both_spellings(
    sdxl: dict[str, nn.Module], blocks: dict[str, int]
) -> None:
    inside = (*ATTENTION, "ff_net_0_proj", "ff_net_2")
    layers, strange = layers_of(lora_keys(in_blocks(blocks, inside)))
    assert (len(layers), strange) == (700, [])
    here = adapter_layers(sdxl)
    assert layers.keys() <= here.keys()
    assert len({id(here[layer]) for layer in layers}) == len(layers)


def test_keys_without_any_prefix_are_the_denoisers(sdxl: dict[str, nn.Module]) -> None:
    layers, strange = layers_of(["input_blocks.4.1.transformer_blocks.0.attn1.to_q.lora_A.weight"])
    assert strange == []
    assert layers.keys() <= adapter_layers(sdxl).keys()


SLIDER = dict.fromkeys(lora_keys(in_blocks(SDXL_BLOCKS, ATTENTION[:4])), (4, 640))  # no cross-attention, no text


def test_a_slider_for_sdxl_is_known_by_how_deep_its_blocks_go(sdxl: dict[str, nn.Module]) -> None:
    assert len(SLIDER) == 840
    assert base_of(SLIDER, {}) == "sdxl"
    assert base_of({key.replace("lora_unet_", "unet."): shape for key, shape in SLIDER.items()}, {}) == "sdxl"
    shallow = {key: shape for key, shape in SLIDER.items() if "transformer_blocks_0" in key}
    assert base_of(shallow, {}) == ""
    assert layers_of(SLIDER)[0].keys() <= adapter_layers(sdxl).keys()
