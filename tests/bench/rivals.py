"""diffusers loading the same file its own way: what benches of loading compare with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modules.families.unet.family import UnetFamily

PARTS = {"vae": "AutoencoderKL", "unet": "UNet2DConditionModel"}


def write_configs(family: UnetFamily, folder: Path) -> Path:
    """The folder of configs that `from_single_file` wants beside a file; without it that would go to the network."""
    index: dict[str, Any] = {"_class_name": "StableDiffusionPipeline", "requires_safety_checker": False}
    for part, name in PARTS.items():
        family.networks[part].save_config(folder / part)  # type: ignore[operator]
        index[part] = ["diffusers", name]
    text: Any = family.text_encoder
    text.config.save_pretrained(folder / "text_encoder")
    index["text_encoder"] = ["transformers", "CLIPTextModel"]
    scheduler = {"_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    (folder / "scheduler").mkdir(parents=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    index["scheduler"] = ["diffusers", "EulerDiscreteScheduler"]
    index |= {part: [None, None] for part in ("tokenizer", "safety_checker", "feature_extractor")}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def from_single_file(path: Path, configs: Path, dtype: str) -> Any:
    """The pipeline in "float32" or "bfloat16"."""
    import torch
    from diffusers import StableDiffusionPipeline

    others = dict.fromkeys(("tokenizer", "safety_checker", "feature_extractor"))
    options = {"torch_dtype": getattr(torch, dtype), "local_files_only": True, **others}
    return StableDiffusionPipeline.from_single_file(str(path), config=str(configs), **options)
