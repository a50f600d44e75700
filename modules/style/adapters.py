"""Which files the IP-Adapter mode needs, by name, and which of them are there. Says nothing about whether they fit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from modules.core.family import CheckpointCard

IP_FOLDER = "ip_adapter"
ENCODER = "image_encoder"
USUAL = {  # by family: the files of the "h94/IP-Adapter" release that suit it, best first
    "sd1": ("ip-adapter-plus_sd15.safetensors", "ip-adapter_sd15.safetensors"),
    "sdxl": ("ip-adapter-plus_sdxl_vit-h.safetensors", "ip-adapter_sdxl_vit-h.safetensors"),
}


def ip_files(models: Sequence[Path]) -> list[Path]:
    """Every safetensors file of every models folder's ip_adapter, "Plus" first; picture encoders are not among them."""
    found = {path for folder in models for path in (folder / IP_FOLDER).rglob("*.safetensors")}
    adapters = [path for path in found if not (path.parent / "config.json").exists()]
    return sorted(adapters, key=lambda path: ("plus" not in path.name, path.name))


def encoder_folders(models: Sequence[Path]) -> Iterator[tuple[Path, dict[str, int]]]:
    """CLIP picture encoders below ip_adapter, and how wide their features are: "hidden" and "projection"."""
    for folder in models:
        for config in sorted((folder / IP_FOLDER).rglob("config.json")):
            try:
                values = json.loads(config.read_text(encoding="utf-8"))
                widths = {"hidden": int(values["hidden_size"]), "projection": int(values["projection_dim"])}
            except (OSError, ValueError, KeyError, TypeError):
                continue  # some other program's configuration
            yield config.parent, widths


def what_is_missing(card: CheckpointCard, models: Sequence[Path]) -> str:
    """A sentence for the page with the exact files and folders; empty if an adapter and an encoder are there."""
    if card.family not in USUAL:
        return f"there is no IP-Adapter for {card.family} checkpoints like {card.name}"
    missing = []
    if not ip_files(models):
        missing.append(f"{IP_FOLDER}/{USUAL[card.family][0]} (or {USUAL[card.family][1]})")
    if not any(True for _ in encoder_folders(models)):
        missing.append(f"{IP_FOLDER}/{ENCODER}/config.json and {IP_FOLDER}/{ENCODER}/model.safetensors (CLIP ViT-H)")
    return f"not found in the models folder: {', '.join(missing)}" if missing else ""
