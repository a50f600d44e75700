"""LoRA files for tests, in each of the ways programs name their tensors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from modules.families.ldm_keys import UNET, unet_keys
from modules.families.unet.family import UnetFamily

RANK, ALPHA = 2, 1.0


def touched(family: UnetFamily) -> dict[tuple[str, str], Any]:
    """(part, diffusers' name) -> the layers a usual LoRA changes: attention in the denoiser and text encoders."""
    return {
        (part, name): module
        for part, network in family.networks.items()
        for name, module in network.named_modules()
        if part != "vae" and name.endswith(("to_q", "to_k", "to_v", "to_out.0", "q_proj", "k_proj", "v_proj", "fc1"))
    }


def factors(family: UnetFamily, seed: int = 0) -> dict[tuple[str, str], tuple[Tensor, Tensor]]:
    """(down, up) of each layer."""
    generator = torch.Generator().manual_seed(seed)

    def rows(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) * 0.3

    return {
        key: (rows(RANK, module.weight.shape[1]), rows(module.weight.shape[0], RANK))
        for key, module in touched(family).items()
    }


def kohya(part: str, name: str, family: UnetFamily) -> str:
    te = "lora_te1_" if len(family.kind.encoders) > 1 else "lora_te_"
    prefix = {"unet": "lora_unet_", "text_encoder": te, "text_encoder_2": "lora_te2_"}[part]
    inner = "" if part == "unet" else "text_model_"
    return f"{prefix}{inner}{name.removeprefix('text_model.').replace('.', '_')}"


def kohya_sdxl(part: str, name: str, family: UnetFamily) -> str:
    """The denoiser's layers by their LDM names, as sd-scripts writes them for SDXL."""
    if part != "unet":
        return kohya(part, name, family)
    key = unet_keys(family.unet.state_dict().keys())[f"{name}.weight"]
    return "lora_unet_" + key.removeprefix(UNET).removesuffix(".weight").replace(".", "_")


def diffusers(part: str, name: str, family: UnetFamily) -> str:
    return f"{part}.{name}" if part == "unet" else f"{part}.text_model.{name.removeprefix('text_model.')}"


def old_diffusers(part: str, name: str, family: UnetFamily) -> str:
    """`attn1.processor.to_q_lora`, before peft."""
    head, _, last = name.removesuffix(".0").rpartition(".")
    return f"{head}.processor.{last}_lora" if part == "unet" else f"{diffusers(part, name, family)}.lora_linear_layer"


def write_lora(
    path: Path,
    family: UnetFamily,
    naming: Callable[[str, str, UnetFamily], str] = kohya,
    suffixes: tuple[str, str] = (".lora_down.weight", ".lora_up.weight"),
    alpha: float | None = ALPHA,
    metadata: dict[str, str] | None = None,
) -> Path:
    tensors: dict[str, Tensor] = {}
    for (part, name), (down, up) in factors(family).items():
        module = naming(part, name, family)
        tensors |= {module + suffixes[0]: down, module + suffixes[1]: up}
        if alpha is not None:
            tensors[f"{module}.alpha"] = torch.tensor(alpha)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata=metadata)
    return path
