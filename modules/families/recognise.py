"""Which family a header belongs to, and a sentence about those that belong to none."""

from __future__ import annotations

from collections.abc import Mapping

from modules.core.errors import BadCheckpoint
from modules.core.family import CheckpointCard
from modules.families.base import FAMILIES, FamilyLoader
from modules.families.header import Header

KNOWN = "this version of Taffy runs SD 1.x, SD 2.x and SDXL"
_NO_CHECKPOINT = {
    "lora_unet_": "a LoRA; it belongs in models/Lora",
    "lora_te_": "a LoRA; it belongs in models/Lora",
    "control_model.": "a ControlNet; it belongs in models/ControlNet",
    "emb_params": "a textual inversion; it belongs in models/embeddings",
}
_OTHER_FAMILY = {
    "model.diffusion_model.joint_blocks.": "SD 3",
    "model.diffusion_model.double_blocks.": "Flux",
    "double_blocks.": "Flux",
}
_PARTS = {  # of a checkpoint in one file
    "model.diffusion_model.": "denoiser",
    "first_stage_model.": "VAE",
    "cond_stage_model.": "text encoder",
    "conditioner.embedders.": "text encoder",
}
_ALONE = {
    "first_stage_model.": "a VAE; it belongs in models/VAE",
    "decoder.": "a VAE; it belongs in models/VAE",
    "text_model.": "a text encoder; it belongs in models/text_encoder",
    "cond_stage_model.": "a text encoder; it belongs in models/text_encoder",
    "conditioner.embedders.": "a text encoder; it belongs in models/text_encoder",
}


def known_families() -> dict[str, FamilyLoader]:
    """Those of this process, in the order in which they are asked."""
    return {name: FAMILIES[name] for name in FAMILIES}


def recognise(name: str, header: Header, families: Mapping[str, FamilyLoader] | None = None) -> CheckpointCard:
    """The card of a checkpoint. families: by name; those of this process if they are not given.

    Raises BadCheckpoint: what the file looks like.
    """
    for family in (known_families() if families is None else families).values():
        if family.matches(header):
            return family.card(name, header)
    raise BadCheckpoint(f"{header.path.name} cannot be used as a checkpoint: {_looks_like(header)}")


def _looks_like(header: Header) -> str:
    if "model_index" in header.configs:
        return "its model_index.json names no pipeline of diffusers"
    for beginning, what in _NO_CHECKPOINT.items():
        if header.has(beginning):
            return f"this looks like {what}"
    for beginning, what in _OTHER_FAMILY.items():
        if header.has(beginning):
            return f"this looks like {what}; {KNOWN}"
    if header.has("model.diffusion_model."):
        return _missing(header)
    if any("lora" in key for key in header.tensors):
        return f"this looks like {_NO_CHECKPOINT['lora_unet_']}"
    for beginning, what in _ALONE.items():
        if header.has(beginning):
            return f"this looks like {what}"
    return f"none of its {len(header.tensors):,} tensors has a known name"


def _missing(header: Header) -> str:
    """What a file with a denoiser lacks to be a checkpoint."""
    missing = dict.fromkeys(_PARTS.values())
    for beginning, part in _PARTS.items():
        if header.has(beginning):
            missing.pop(part, None)
    if not missing:
        return f"it has all parts, but not those of a known family; {KNOWN}"
    return f"this looks like a denoiser without its {' and its '.join(missing)}"
