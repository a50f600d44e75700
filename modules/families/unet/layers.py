"""The layers adapters may change, under every name their files use."""

from __future__ import annotations

from collections.abc import Mapping

from torch.nn import Module, Parameter

from modules.families.ldm_keys import UNET, unet_keys


def adapter_layers(networks: Mapping[str, Module]) -> dict[tuple[str, str], Module]:
    """(part, name) -> layer with a weight; names have "_" for ".", the U-Net's both in diffusers' and LDM's words."""
    layers: dict[tuple[str, str], Module] = {}
    for part, network in networks.items():
        if part == "vae":
            continue
        for name, module in network.named_modules():
            if isinstance(getattr(module, "weight", None), Parameter):
                layers[part, name.replace(".", "_").removeprefix("text_model_")] = module
    unet = networks["unet"]
    for name, key in unet_keys(unet.state_dict().keys()).items():
        if name.endswith(".weight"):
            module = unet.get_submodule(name.removesuffix(".weight"))
            layers["unet", key.removeprefix(UNET).removesuffix(".weight").replace(".", "_")] = module
    return layers
