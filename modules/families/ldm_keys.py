"""Names of weights: diffusers' (and transformers') -> the single-file layout of Latent Diffusion (Rombach et al. 2022).

Pure functions on names, for any width, depth and number of levels. A loader asks where each of its parameters lies in
the file; a writer asks what to call it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from modules.families.weights import Place

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model.transformer.text_model."

_UNET_TOP = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_RESNET = {"conv_shortcut": "nin_shortcut"}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
_OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_OPEN_CLIP_TOP = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}
_LAYER = re.compile(r"encoder\.layers\.(\d+)\.(.+)")
_JOINED = re.compile(r"self_attn\.([qkv])_proj\.(weight|bias)")
_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)")
_MIDDLE = re.compile(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)")


def unet_keys(names: Collection[str]) -> dict[str, str]:
    """Where each parameter of a UNet2DConditionModel lies; `names` are all of them."""
    layers = sum(f"down_blocks.0.resnets.{i}.conv1.weight" in names for i in range(len(names)))
    attended = {int(name.split(".")[1]) for name in names if re.match(r"up_blocks\.\d+\.attentions\.", name)}
    return {name: unet_key(name, layers, attended) for name in names}


def vae_keys(names: Collection[str]) -> dict[str, str]:
    """Where each parameter of an AutoencoderKL lies; `names` are all of them."""
    levels = len({name.split(".")[2] for name in names if name.startswith("decoder.up_blocks.")})
    return {name: vae_key(name, levels) for name in names}


def text_keys(names: Collection[str]) -> dict[str, str]:
    """Where each parameter of a CLIPTextModel lies (transformers 5 has no `text_model.` in its own names)."""
    return {name: text_key(name) for name in names}


def unet_key(name: str, layers: int, attended: Collection[int] = ()) -> str:
    """Where one parameter lies. layers: layers per block. attended: up blocks with attention."""
    if block := _BLOCK.fullmatch(name):
        return UNET + _unet_block_key(block, layers, attended)
    if middle := _MIDDLE.fullmatch(name):
        kind, index, rest = middle.groups()
        if kind == "attentions":
            return f"{UNET}middle_block.1.{rest}"
        return f"{UNET}middle_block.{2 * int(index)}.{_renamed(rest, _UNET_RESNET)}"
    return UNET + _renamed(name, _UNET_TOP)


def vae_key(name: str, levels: int) -> str:
    """Where one parameter lies. levels: of the decoder, which the layout counts from full size."""
    half, _, inner = name.partition(".")
    if block := _BLOCK.fullmatch(inner):
        return f"{VAE}{half}.{_vae_block_key(block, levels)}"
    if middle := _MIDDLE.fullmatch(inner):
        kind, index, rest = middle.groups()
        if kind == "attentions":
            return f"{VAE}{half}.mid.attn_1.{_renamed(rest, _VAE_ATTENTION)}"
        return f"{VAE}{half}.mid.block_{int(index) + 1}.{_renamed(rest, _VAE_RESNET)}"
    return VAE + name.replace("conv_norm_out", "norm_out")


def text_key(name: str) -> str:
    return TEXT + name.removeprefix("text_model.")


def clip_place(name: str, prefix: str) -> Place:
    """Where one parameter of a CLIP text encoder lies behind a prefix."""
    return Place(prefix + name.removeprefix("text_model."))


def open_clip_place(name: str, prefix: str) -> Place:
    """Where one parameter of a CLIP text encoder lies in OpenCLIP's layout (https://github.com/mlfoundations/open_clip).

    There queries, keys and values are one tensor, and the projection is transposed.
    """
    name = name.removeprefix("text_model.")
    if name == "text_projection.weight":
        return Place(f"{prefix}text_projection", transposed=True)
    layer = _LAYER.fullmatch(name)
    if layer is None:
        return Place(prefix + _OPEN_CLIP_TOP.get(name, name))
    block = f"{prefix}transformer.resblocks.{layer[1]}."
    if joined := _JOINED.fullmatch(layer[2]):
        return Place(f"{block}attn.in_proj_{joined[2]}", third="qkv".index(joined[1]))
    return Place(block + _renamed(layer[2], _OPEN_CLIP))


def _unet_block_key(block: re.Match[str], layers: int, attended: Collection[int]) -> str:
    """input_blocks are numbered through, downsamplers included; output_blocks hold their upsampler last."""
    side, level, kind, index, rest = block[1], int(block[2]), block[3], int(block[4]), block[5]
    first = level * (layers + 1)
    if kind == "downsamplers":
        return f"input_blocks.{first + layers + 1}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        return f"output_blocks.{first + layers}.{2 if level in attended else 1}.{rest}"
    place = f"input_blocks.{first + index + 1}" if side == "down" else f"output_blocks.{first + index}"
    return f"{place}.1.{rest}" if kind == "attentions" else f"{place}.0.{_renamed(rest, _UNET_RESNET)}"


def _vae_block_key(block: re.Match[str], levels: int) -> str:
    side, level, kind, index, rest = block[1], int(block[2]), block[3], block[4], block[5]
    level = levels - 1 - level if side == "up" else level
    if kind == "resnets":
        return f"{side}.{level}.block.{index}.{_renamed(rest, _VAE_RESNET)}"
    return f"{side}.{level}.{side}sample.{rest}"


def _renamed(name: str, table: dict[str, str]) -> str:
    """`name` with its longest known beginning replaced."""
    for old, new in table.items():
        if name.startswith(old + "."):
            return new + name.removeprefix(old)
    return name
