"""diffusers loading the same file its own way: what benches of loading compare with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modules.families.unet.family import UnetFamily

PARTS = {"vae": "AutoencoderKL", "unet": "UNet2DConditionModel"}
PIPELINES = {1: "StableDiffusionPipeline", 2: "StableDiffusionXLPipeline"}  # by text encoders
TOKENIZERS = ("tokenizer", "tokenizer_2")
CHECKERS = ("safety_checker", "feature_extractor")


def write_configs(family: UnetFamily, folder: Path) -> Path:
    """The folder of configs that `from_single_file` wants beside a file; without it that would go to the network."""
    encoders = [encoder.part for encoder in family.kind.encoders]
    index: dict[str, Any] = {"_class_name": PIPELINES[len(encoders)]}
    for part, name in PARTS.items():
        family.networks[part].save_config(folder / part)  # type: ignore[operator]
        index[part] = ["diffusers", name]
    for part in encoders:
        text: Any = family.networks[part]
        text.config.save_pretrained(folder / part)
        index[part] = ["transformers", type(text).__name__]
    scheduler = {"_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    (folder / "scheduler").mkdir(parents=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    index["scheduler"] = ["diffusers", "EulerDiscreteScheduler"]
    index |= {part: [None, None] for part in left_out(len(encoders))}
    if len(encoders) == 1:
        index["requires_safety_checker"] = False
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def left_out(encoders: int) -> tuple[str, ...]:
    """Parts no bench needs."""
    return TOKENIZERS[:encoders] + (CHECKERS if encoders == 1 else ())


def from_single_file(path: Path, configs: Path, dtype: str) -> Any:
    """The pipeline in "float32" or "bfloat16"."""
    import diffusers
    import torch

    name = json.loads((configs / "model_index.json").read_text())["_class_name"]
    others = dict.fromkeys(left_out(next(number for number, known in PIPELINES.items() if known == name)))
    options = {"torch_dtype": getattr(torch, dtype), "local_files_only": True, **others}
    return getattr(diffusers, name).from_single_file(str(path), config=str(configs), **options)
