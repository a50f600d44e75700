"""Names in LoRA files, kohya's and diffusers' (peft's), and what the tensors behind them add to a weight."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Layer = tuple[str, str]  # (part, name with "_" for "."), as `Family.adapter_layers` has them

_ROLES = {
    r"[._]lora_down\.weight": "down",
    r"[._]lora_up\.weight": "up",
    r"[._]lora_mid\.weight": "mid",
    r"[._]lora_A(?:\.default)?\.weight": "down",
    r"[._]lora_B(?:\.default)?\.weight": "up",
    r"[._]lora(?:_linear_layer)?\.down\.weight": "down",
    r"[._]lora(?:_linear_layer)?\.up\.weight": "up",
    r"\.alpha": "alpha",
    r"\.diff": "diff",
    r"\.diff_b": "bias",
    r"\.(hada_w[12]_[ab]|lokr_w[12](?:_[ab])?)": "",
}
_ROLE = re.compile("(?:" + "|".join(f"(?P<r{i}>{pattern})" for i, pattern in enumerate(_ROLES)) + r")\Z")
_LONGEST = 48  # characters of a key's end that can say its role
_PARTS = {  # beginnings, longest first where one begins with another
    "lora_unet_": "unet",
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "lora_te_": "text_encoder",
    "lycoris_": "unet",  # SimpleTuner's
    "unet.": "unet",
    "diffusion_model.": "unet",
    "text_encoder_2.": "text_encoder_2",
    "text_encoder.": "text_encoder",
}
_OLD = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}  # early diffusers, in text encoders


def layers_of(keys: Iterable[str]) -> tuple[dict[Layer, dict[str, str]], list[str]]:
    """Each layer's keys by their role ("up", "down", "alpha", "hada_w1_a" ...), and the keys nobody understands."""
    layers: dict[Layer, dict[str, str]] = {}
    strange = []
    for key in keys:
        found = _ROLE.search(key, max(1, len(key) - _LONGEST))
        if found and found.lastgroup:
            role = list(_ROLES.values())[int(found.lastgroup[1:])] or key.rpartition(".")[2]
            layers.setdefault(_layer(key[: found.start()]), {})[role] = key
        else:
            strange.append(key)
    return layers, strange


def _layer(module: str) -> Layer:
    module = module.removeprefix("base_model.model.")
    beginning = next((beginning for beginning in _PARTS if module.startswith(beginning)), "")
    part = _PARTS.get(beginning, "unet")
    name = module.removeprefix(beginning).replace(".processor.", ".")
    if part != "unet":
        head, _, last = name.rpartition(".")
        name = f"{head}.{_OLD[last]}" if last in _OLD else name
    elif name.endswith(".to_out"):
        name += ".0"
    return part, name.replace(".", "_").removeprefix("text_model_")


def change_of(tensors: Mapping[str, Tensor], like: Tensor, alpha: float | None = None) -> Tensor:
    """What one layer's tensors add to its weight, in its shape, fp32. Raises KeyError for an unknown combination.

    alpha: of a layer that has none of its own; None: its rank.

    LoRA (Hu et al. 2021): alpha / rank * up @ down, also with a convolution between them. LyCORIS (Yeh et al. 2024):
    LoHa, the product of two such; LoKr, the Kronecker product of two. ValueError, IndexError or TypeError if the
    shapes do not fit.
    """
    import torch

    def product(a: str, b: str) -> Tensor:
        left, right = tensors[a].flatten(1), tensors[b].flatten(1)
        _check_count(len(left) * right.shape[1], like)
        return left @ right

    rank = 0
    if "diff" in tensors:
        change = tensors["diff"]
    elif "hada_w1_a" in tensors:
        change, rank = product("hada_w1_a", "hada_w1_b") * product("hada_w2_a", "hada_w2_b"), len(tensors["hada_w1_b"])
    elif {"lokr_w1", "lokr_w1_a"} & tensors.keys():
        first = tensors["lokr_w1"] if "lokr_w1" in tensors else product("lokr_w1_a", "lokr_w1_b")
        second = tensors["lokr_w2"] if "lokr_w2" in tensors else product("lokr_w2_a", "lokr_w2_b")
        factors = [len(tensors[key]) for key in ("lokr_w2_b", "lokr_w1_b") if key in tensors]
        _check_count(first.numel() * second.numel(), like)
        change, rank = torch.kron(first, second.flatten(1)), factors[0] if factors else 0
    elif "mid" in tensors:
        up, down = tensors["up"].flatten(1), tensors["down"].flatten(1)
        _check_count(len(up) * prod(tensors["mid"].shape[2:]) * down.shape[1], like)
        change, rank = torch.einsum("or,rskl,si->oikl", up, tensors["mid"], down), len(down)
    else:
        change, rank = product("up", "down"), len(tensors["down"])
    alpha = float(tensors["alpha"]) if "alpha" in tensors else alpha
    scale = alpha / rank if rank and alpha is not None else 1.0
    if change.numel() != like.numel() or len(change) != len(like):
        raise ValueError(f"{list(change.shape)} does not fit {list(like.shape)}")
    return change.reshape(like.shape) * scale


def _check_count(numbers: int, like: Tensor) -> None:
    """Before they are computed: a small file can ask for more than any memory. Raises ValueError."""
    if numbers > like.numel():
        raise ValueError(f"{numbers:,} numbers do not fit {list(like.shape)}")
