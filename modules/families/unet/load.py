"""From a header to a loaded checkpoint: networks are built without memory, then given their weights."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from modules.core.errors import BadCheckpoint
from modules.families.base import Prepared
from modules.families.device import Device
from modules.families.header import Header
from modules.families.placement import WHOLE, choose
from modules.families.spare import Spare
from modules.families.unet.card import card_of
from modules.families.unet.compiled import compile_layers
from modules.families.unet.configs import Configs, read_configs
from modules.families.unet.family import Facts, UnetFamily
from modules.families.unet.kind import Kind
from modules.families.unet.layout import places_of
from modules.families.unet.quick import quicken
from modules.families.unet.vae import needed, return_between_blocks
from modules.families.weights import Part, checked, converted, load_weights

_UNBUILDABLE = (TypeError, ValueError, KeyError, AttributeError, NotImplementedError, ZeroDivisionError)


@dataclass(frozen=True)
class Files:
    """Of a checkpoint. vae: of another file that is used instead of its own."""

    header: Header
    vae: Header | None = None


def load_unet_family(
    name: str, files: Files, kind: Kind, device: Device, file_facts: Facts, spare: Spare | None = None
) -> Generator[tuple[int, int], None, UnetFamily]:
    """Yields (bytes done, bytes in all), returns the family. spare: written over. Raises BadCheckpoint."""
    header, vae = files.header, files.vae
    configs = read_configs(header, kind, vae)
    networks = _networks(header, configs, device, spare or Spare())
    parts = _parts(header, configs, networks, device, vae)
    if header.prepared is not None:
        own = parts.keys() - ({"vae"} if vae else set())
        parts |= {name: parts[name].prepared(name, header.prepared) for name in own}
    itemsize = parts["vae"].on(device).torch_dtype.itemsize
    work = needed(configs.vae["block_out_channels"], itemsize, configs.native_size**2)
    placement = choose(_sizes(parts, device), work, device)
    at_home = device if placement.mode == WHOLE else replace(device, home="cpu")
    yield from load_weights(list(parts.values()), at_home)
    for encoder in kind.encoders:
        _number_positions(networks[encoder.part], configs.text[encoder.part], device)
    family = UnetFamily(card_of(name, header, kind), configs, networks, device, file_facts)
    family.place(placement)
    if configs.prediction is None and kind.probes:
        where = device.home or device.kind if placement.mode == WHOLE else device.kind
        family.card = replace(family.card, prediction=_found_out(family.unet, where, device.torch_dtype))
        family.rest()
    return family


def _sizes(parts: Mapping[str, Part], device: Device) -> dict[str, int]:
    """Bytes of each network's weights on the device."""
    counts = {name: sum(weight.numel() for weight in part.parameters.values()) for name, part in parts.items()}
    return {name: count * parts[name].on(device).torch_dtype.itemsize for name, count in counts.items()}


def prepare_unet_family(header: Header, kind: Kind, device: Device) -> Prepared:
    """What a copy made for this device has in it. Raises BadCheckpoint."""
    configs = read_configs(header, kind)
    parts = _parts(header, configs, _networks(header, configs, device, Spare()), device)
    shapes = {
        f"{name}/{key}": tuple(_channels_last(weight).shape)
        for name, part in parts.items()
        for key, weight in part.network.state_dict().items()
    }
    for part in parts.values():
        for _ in checked(part):
            continue
    weights = ((f"{name}/{key}", w) for name, part in parts.items() for key, w in converted(part, device))
    return Prepared(shapes, ((key, _channels_last(weight)) for key, weight in weights))


def _channels_last(weight: Tensor) -> Tensor:
    return weight.permute(0, 2, 3, 1) if weight.ndim == 4 else weight


def _parts(
    header: Header, configs: Configs, networks: Mapping[str, nn.Module], device: Device, vae: Header | None = None
) -> dict[str, Part]:
    """Where each network's weights lie. vae: of another file."""
    encoders = {encoder.part: encoder for encoder in configs.kind.encoders}
    wide = device.wide_dtype if configs.upcast_vae else device.dtype
    parts = {}
    for name, network in networks.items():
        file = vae or header if name == "vae" else header
        places = places_of(file, encoders.get(name, name), network.state_dict())
        parts[name] = Part(network, places, file, wide if name == "vae" else "")
    return parts


def _networks(header: Header, configs: Configs, device: Device, spare: Spare) -> dict[str, nn.Module]:
    """All networks: those there are to spare, the others without memory for their weights.

    Raises BadCheckpoint if a config cannot be built.
    """
    found = {part: spare.take(part, plan) for part, plan in configs.plans.items()}
    spare.clear()
    try:
        return {part: network or _network(part, configs, device) for part, network in found.items()}
    except _UNBUILDABLE as error:
        raise BadCheckpoint(f"the config of {header.path.name} cannot be used: {error}") from error


def _network(part: str, configs: Configs, device: Device) -> nn.Module:
    """As the library has it, computed as this device does it best."""
    encoders = {encoder.part: encoder for encoder in configs.kind.encoders}
    network: nn.Module
    with torch.device("meta"):
        if part == "unet":
            network = UNet2DConditionModel.from_config(configs.unet)
        elif part == "vae":
            network = AutoencoderKL.from_config(configs.vae)
        else:
            kind = CLIPTextModelWithProjection if encoders[part].projected else CLIPTextModel
            network = kind(CLIPTextConfig(**configs.text[part]))
    if device.compiled and part == "unet":
        compile_layers(network, device.kind)
    if device.kind == "cpu" and part not in encoders:
        quicken(network)
    if part == "vae":
        return_between_blocks(network)
    return network


def _number_positions(encoder: nn.Module, config: dict[str, Any], device: Device) -> None:
    """The one buffer that no file has."""
    embeddings = encoder.get_submodule("text_model.embeddings" if hasattr(encoder, "text_model") else "embeddings")
    embeddings.position_ids = torch.arange(config["max_position_embeddings"], device=device.kind)[None]


@torch.no_grad()
def _found_out(unet: UNet2DConditionModel, device: str, dtype: torch.dtype) -> str:
    """A1111's test of SD 2.x: at nearly pure noise epsilon is about what was seen, v about the opposite of x0."""
    seen = torch.full((1, unet.config["in_channels"], 8, 8), 0.5, device=device, dtype=dtype)
    words = torch.full((1, 2, unet.config["cross_attention_dim"]), 0.5, device=device, dtype=dtype)
    answer = unet(seen, torch.tensor(999, device=device), words).sample.float()
    return "v_prediction" if float((answer - 0.5).mean()) < -1 else "epsilon"
