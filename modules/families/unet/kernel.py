"""The attention kernel of a network of diffusers: the best one for the size of its heads."""

from __future__ import annotations

from typing import Any

from torch.nn import Module

from modules.attention.base import KERNELS
from modules.attention.measure import DEFAULT
from modules.families.device import Device

SMALL = 30_000_000  # weights; Stable Diffusion's VAE has 84 million, its U-Net 860


def use_kernel(network: Module, device: Device) -> tuple[str, str]:
    """Compute its attention with the device's kernel; returns its name and why it was chosen."""
    layers: list[Any] = [module for module in network.modules() if hasattr(module, "set_processor")]
    if not layers:
        return "none", "this network has no attention"
    if device.attention == "automatic" and sum(weight.numel() for weight in network.parameters()) < SMALL:
        name, why = DEFAULT, "this network is small, another would gain nothing"
    else:
        name, why = device.kernel(layers[0].inner_dim // layers[0].heads)
    KERNELS[name].use(network)
    return name, why
