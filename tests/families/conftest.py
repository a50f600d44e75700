"""A tiny checkpoint on disk, loaded once, and diffusers' own reading of the same file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline

from modules.families.header import Header, read_header
from modules.families.unet.family import UnetFamily
from modules.training.export import ldm_tensors
from tests.checkpoints import load_family, sd15_networks, tiny_checkpoint

torch.set_num_threads(1)
LIBRARIES = {
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "scheduler": ("diffusers", "DDIMScheduler"),
    "tokenizer": (None, None),
    "safety_checker": (None, None),
    "feature_extractor": (None, None),
}


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("families") / "tiny.safetensors")


@pytest.fixture(scope="session")
def tiny(tiny_file: Path) -> UnetFamily:
    return load_family(tiny_file)


@pytest.fixture(scope="session")
def tiny_pipeline(tiny_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """diffusers' pipeline of the tiny file, made by diffusers' own converter from a local config."""
    folder = tmp_path_factory.mktemp("config")
    configs = json.loads(read_header(tiny_file).metadata["taffy"])["config"]
    for part, config in configs.items():
        (folder / part).mkdir()
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        (folder / part / name).write_text(json.dumps(config))
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.42.1", **LIBRARIES}
    (folder / "model_index.json").write_text(json.dumps(index))
    return StableDiffusionPipeline.from_single_file(
        str(tiny_file),
        config=str(folder),
        local_files_only=True,
        tokenizer=None,
        safety_checker=None,
        feature_extractor=None,
        torch_dtype=torch.float32,
    )


@pytest.fixture(scope="session")
def tiny_folder(tiny_pipeline: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model in diffusers' layout."""
    folder = tmp_path_factory.mktemp("folders") / "tiny-folder"
    tiny_pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sd15_parts() -> dict[str, torch.nn.Module]:
    """SD 1.5's three networks at full size, without memory."""
    return dict(zip(("unet", "vae", "text_encoder"), sd15_networks(), strict=True))


@pytest.fixture(scope="session")
def sd15_header(sd15_parts: dict[str, Any]) -> Header:
    """The header of a full-size SD 1.5 file without metadata."""
    tensors = ldm_tensors(sd15_parts["unet"], sd15_parts["vae"], sd15_parts["text_encoder"])
    return Header(Path("v1-5.safetensors"), {key: {"shape": list(value.shape)} for key, value in tensors.items()})
