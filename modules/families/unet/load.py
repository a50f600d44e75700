"""From a header to a loaded checkpoint: networks are built without memory, then given their weights."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from modules.core.errors import BadCheckpoint
from modules.families.device import Device
from modules.families.header import Header
from modules.families.unet.card import card_of
from modules.families.unet.compiled import compile_layers
from modules.families.unet.configs import Configs, read_configs
from modules.families.unet.family import Facts, UnetFamily
from modules.families.unet.kind import Kind
from modules.families.unet.layout import places_of
from modules.families.unet.quick import quicken
from modules.families.weights import Part, load_weights

_UNBUILDABLE = (TypeError, ValueError, KeyError, AttributeError, NotImplementedError, ZeroDivisionError)


def load_unet_family(
    name: str, header: Header, kind: Kind, device: Device, file_facts: Facts, vae: Header | None = None
) -> Generator[tuple[int, int], None, UnetFamily]:
    """Yields (bytes done, bytes in all), returns the family. vae: of another file. Raises BadCheckpoint."""
    configs = read_configs(header, kind, vae)
    networks = _networks(header, configs)
    wide = {"vae": device.wide_dtype if configs.upcast_vae else device.dtype}
    files = {"vae": vae or header}
    parts = [_part(files.get(part, header), kind, part, networks[part], wide.get(part, "")) for part in networks]
    yield from load_weights(parts, device)
    for encoder in kind.encoders:
        _number_positions(networks[encoder.part], configs.text[encoder.part], device)
    if device.compiled:
        compile_layers(networks["unet"], device.kind)
    if device.kind == "cpu":
        for part in ("unet", "vae"):
            quicken(networks[part])
    card = card_of(name, header, kind)
    if configs.prediction is None and kind.probes:
        card = replace(card, prediction=_found_out(networks["unet"], device))
    return UnetFamily(card, configs, networks, device, file_facts)


def _part(header: Header, kind: Kind, part: str, network: nn.Module, dtype: str) -> Part:
    which = next((encoder for encoder in kind.encoders if encoder.part == part), part)
    return Part(network, places_of(header, which, network.state_dict()), header, dtype)


def _networks(header: Header, configs: Configs) -> dict[str, nn.Module]:
    """All networks without memory for their weights. Raises BadCheckpoint if a config cannot be built."""
    try:
        with torch.device("meta"):
            return {
                "unet": UNet2DConditionModel.from_config(configs.unet),
                "vae": AutoencoderKL.from_config(configs.vae),
                **{
                    encoder.part: (CLIPTextModelWithProjection if encoder.projected else CLIPTextModel)(
                        CLIPTextConfig(**configs.text[encoder.part])
                    )
                    for encoder in configs.kind.encoders
                },
            }
    except _UNBUILDABLE as error:
        raise BadCheckpoint(f"the config of {header.path.name} cannot be used: {error}") from error


def _number_positions(encoder: nn.Module, config: dict[str, Any], device: Device) -> None:
    """The one buffer that no file has."""
    embeddings = encoder.get_submodule("text_model.embeddings" if hasattr(encoder, "text_model") else "embeddings")
    embeddings.position_ids = torch.arange(config["max_position_embeddings"], device=device.kind)[None]


@torch.no_grad()
def _found_out(unet: UNet2DConditionModel, device: Device) -> str:
    """A1111's test of SD 2.x: at nearly pure noise epsilon is about what was seen, v about the opposite of x0."""
    seen = torch.full((1, unet.config["in_channels"], 8, 8), 0.5, device=device.kind, dtype=device.torch_dtype)
    words = torch.full((1, 2, unet.config["cross_attention_dim"]), 0.5, device=device.kind, dtype=device.torch_dtype)
    answer = unet(seen, torch.tensor(999, device=device.kind), words).sample.float()
    return "v_prediction" if float((answer - 0.5).mean()) < -1 else "epsilon"
