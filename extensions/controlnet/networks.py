"""A file of models/ControlNet as a network for the loaded family: ControlNet or T2I-Adapter, in either layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import ControlNetModel, T2IAdapter, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint
from torch import Tensor

from modules.hooks import BadRequest, Family

from .weights import Weights, read_weights

HINT = "controlnet_cond_embedding"


def load_network(path: Path, family: Family) -> ControlNetModel | T2IAdapter:
    """On the family's device, in its network's precision. Raises BadRequest for a file that does not fit."""
    unet = family.networks.get("unet")
    if not isinstance(unet, UNet2DConditionModel):
        raise BadRequest(
            f"ControlNet works with Stable Diffusion checkpoints; {family.card.name} is {family.card.family}"
        )
    weights = read_weights(path)
    adapter = any(name.removeprefix("adapter.").startswith("body.") for name in weights)
    network = _adapter(weights, family, path) if adapter else _controlnet(weights, unet, path)
    network.requires_grad_(False).eval()
    return network.to(device=family.device, dtype=unet.dtype)  # the U-Net itself may rest elsewhere


def _controlnet(weights: Weights, unet: UNet2DConditionModel, path: Path) -> ControlNetModel:
    """Its layout is the U-Net's own; the picture's way in is read from the weights."""
    if "lora_controlnet" in weights:
        raise BadRequest(f"{path.name} is a Control-LoRA, which is not known here", "use the full ControlNet")
    converted = in_diffusers_layout(weights, unet)
    hints = [f"{HINT}.conv_in.weight", *(f"{HINT}.blocks.{number}.weight" for number in range(1, 40, 2))]
    widths = tuple(converted[name].shape[0] for name in hints if name in converted)
    if not widths:
        raise BadRequest(f"{path.name} is neither a ControlNet nor a T2I-Adapter")
    channels = converted[hints[0]].shape[1]
    network = ControlNetModel.from_unet(
        unet, conditioning_embedding_out_channels=widths, load_weights_from_unet=False, conditioning_channels=channels
    )
    if (inside := converted.get("conv_in.weight")) is not None and inside.shape[1] != network.config.in_channels:
        network = ControlNetModel.from_config({**network.config, "in_channels": inside.shape[1]})
    _fill(network, converted, path)
    return network


def in_diffusers_layout(weights: Weights, unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """From the authors' layout, or as they are."""
    converted: dict[str, Tensor | None] = convert_controlnet_checkpoint(dict(weights), {**unet.config})
    return {name: weight for name, weight in converted.items() if weight is not None}


def _adapter(weights: Weights, family: Family, path: Path) -> T2IAdapter:
    """The full T2I-Adapter in diffusers' layout or its authors'."""
    named = weights if any(name.startswith("adapter.") for name in weights) else _renamed(weights)
    first = named.get("adapter.conv_in.weight")
    if first is None:
        raise BadRequest(f"{path.name} is no T2I-Adapter that is known here", "the full ones are, light ones are not")
    levels = 1 + max(int(name.split(".")[2]) for name in named if name.startswith("adapter.body."))
    widths = [named[f"adapter.body.{level}.resnets.0.block1.weight"].shape[0] for level in range(levels)]
    blocks = 1 + max(int(name.split(".")[4]) for name in named if name.startswith("adapter.body.0.resnets."))
    cell = family.card.downscale
    sides = [
        (side, kind)
        for side, kind in ((cell, "full_adapter"), (2 * cell, "full_adapter_xl"))
        if first.shape[1] in {side**2, 3 * side**2}
    ]
    if not sides:
        raise BadRequest(f"{path.name} was made for another family than {family.card.family}")
    side, kind = sides[0]
    network = T2IAdapter(first.shape[1] // side**2, widths, blocks, side, kind)
    _fill(network, named, path)
    return network


def _renamed(weights: Weights) -> dict[str, Tensor]:
    """The authors' names: body.<2 * level + block>.*; each level begins with its in_conv."""
    found = {}
    for name, weight in weights.items():
        head, *rest = name.split(".")
        if head == "body":
            level, block = divmod(int(rest[0]), 2)
            tail = ".".join(rest[1:])
            inner = tail if tail.startswith("in_conv") else f"resnets.{block}.{tail}"
            found[f"adapter.body.{level}.{inner}"] = weight
        else:
            found[f"adapter.{name}"] = weight
    return found


def _fill(network: Any, weights: Weights, path: Path) -> None:
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        line = str(error).strip().splitlines()[-1].strip()
        advice = f"it was probably made for another family of checkpoints ({line:.160})"
        raise BadRequest(f"{path.name} does not fit the checkpoint", advice) from error
