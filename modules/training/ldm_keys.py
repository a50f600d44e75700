"""Names of weights in the single-file layout of Stable Diffusion 1, from the libraries' names.

The layout is CompVis' latent-diffusion; it holds for any widths, depth and number of levels.
"""

from __future__ import annotations

import re

from torch import Tensor

State = dict[str, Tensor]

TOP = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
VAE_RESNET = {"conv_shortcut": "nin_shortcut"}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def _renamed(key: str, table: dict[str, str]) -> str:
    """Replace the beginning of a dotted key if the table has it."""
    for old, new in table.items():
        if key.startswith(old + "."):
            return new + key[len(old) :]
    return key


def unet_to_ldm(state: State, layers_per_block: int) -> State:
    """U-Net weights under `model.diffusion_model.`."""
    attended = {
        (match[1], match[2]) for key in state if (match := re.match(r"up_blocks\.(\d+)\.attentions\.(\d+)\.", key))
    }

    def name(key: str) -> str:
        part, block, *_ = key.split(".")
        if part == "mid_block":
            return _unet_middle(key)
        if part == "down_blocks":
            return _unet_down(key, layers_per_block)
        if part == "up_blocks":
            has_attention = (block, str(layers_per_block)) in attended
            return _unet_up(key, layers_per_block, upsampler_slot=2 if has_attention else 1)
        return _renamed(key, TOP)

    return {"model.diffusion_model." + name(key): value for key, value in state.items()}


def _unet_middle(key: str) -> str:
    _, kind, index, rest = key.split(".", 3)
    if kind == "attentions":
        return f"middle_block.1.{rest}"
    return f"middle_block.{2 * int(index)}.{_renamed(rest, RESNET)}"


def _unet_down(key: str, layers: int) -> str:
    """Input blocks count conv_in, then each layer, then each downsampler."""
    _, block, kind, index, rest = key.split(".", 4)
    if kind == "downsamplers":
        return f"input_blocks.{(int(block) + 1) * (layers + 1)}.0.op.{rest.split('.')[-1]}"
    number = int(block) * (layers + 1) + int(index) + 1
    if kind == "resnets":
        return f"input_blocks.{number}.0.{_renamed(rest, RESNET)}"
    return f"input_blocks.{number}.1.{rest}"


def _unet_up(key: str, layers: int, upsampler_slot: int) -> str:
    """Output blocks have layers + 1 resnets a level; the upsampler sits in the last one."""
    _, block, kind, index, rest = key.split(".", 4)
    first = int(block) * (layers + 1)
    if kind == "upsamplers":
        return f"output_blocks.{first + layers}.{upsampler_slot}.{rest}"
    if kind == "resnets":
        return f"output_blocks.{first + int(index)}.0.{_renamed(rest, RESNET)}"
    return f"output_blocks.{first + int(index)}.1.{rest}"


def vae_to_ldm(state: State, levels: int) -> State:
    """Autoencoder weights under `first_stage_model.`; mid attention becomes 1 x 1 convolutions."""
    result = {}
    for key, value in state.items():
        is_matrix = ".mid_block.attentions." in key and value.ndim == 2
        result["first_stage_model." + _vae_key(key, levels)] = value[:, :, None, None] if is_matrix else value
    return result


def _vae_key(key: str, levels: int) -> str:
    if key.startswith(("quant_conv.", "post_quant_conv.")) or ".conv_in." in key or ".conv_out." in key:
        return key
    half, part, rest = key.split(".", 2)
    if part == "conv_norm_out":
        return f"{half}.norm_out.{rest}"
    if part == "mid_block":
        kind, index, rest = rest.split(".", 2)
        if kind == "attentions":
            return f"{half}.mid.attn_1.{_renamed(rest, VAE_ATTENTION)}"
        return f"{half}.mid.block_{int(index) + 1}.{_renamed(rest, VAE_RESNET)}"
    block, kind, index, rest = rest.split(".", 3)
    way = "up" if part == "up_blocks" else "down"
    level = levels - 1 - int(block) if way == "up" else int(block)  # LDM counts both from full size
    if kind == "resnets":
        return f"{half}.{way}.{level}.block.{index}.{_renamed(rest, VAE_RESNET)}"
    return f"{half}.{way}.{level}.{way}sample.{rest}"


def text_to_ldm(state: State) -> State:
    """Text encoder weights; transformers 5 dropped the inner `text_model.` that the layout has."""
    return {"cond_stage_model.transformer.text_model." + k.removeprefix("text_model."): v for k, v in state.items()}
