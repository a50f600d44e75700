"""The written checkpoint against diffusers' own single-file loader, and what it says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open
from transformers import CLIPTokenizer

from modules.training.card import card, sheet_prompts
from modules.training.catalog import CONCEPTS
from modules.training.export import describe, write_ldm
from modules.training.shapes import VAE, build_text_encoder, build_unet, build_vae
from tests.training.conftest import TINY_TEXT, TINY_UNET

SHAPES = {
    "as shipped": {},
    "two layers a block": {"layers_per_block": 2},
    "attention at full size": {
        "down_block_types": ["CrossAttnDownBlock2D"] * 2 + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 2,
    },
}


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        found: dict[str, str] = file.metadata()
    return found


def config_folder(folder: Path, config: dict[str, dict[str, Any]]) -> Path:
    """A diffusers configuration written from the metadata alone."""
    index = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    for part, values in config.items():
        (folder / part).mkdir()
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        (folder / part / name).write_text(json.dumps(values))
    return folder


@pytest.mark.parametrize("change", SHAPES.values(), ids=SHAPES.keys())
def test_diffusers_reads_back_every_weight_bit_for_bit(tmp_path: Path, change: dict[str, Any]) -> None:
    torch.manual_seed(0)
    unet = build_unet({**TINY_UNET, **change})
    vae = build_vae({**VAE, "block_out_channels": [8, 8, 16], "norm_num_groups": 4})
    text = build_text_encoder(TINY_TEXT)
    file = tmp_path / "tiny.safetensors"
    write_ldm(file, unet, vae, text, describe(unet, vae, text, 0.7, card({"samples": 1})))

    config = json.loads(metadata(file)["taffy"])["config"]
    tokenizer = CLIPTokenizer(vocab={"<|startoftext|>": 0, "<|endoftext|>": 1}, merges=[])
    pipeline = StableDiffusionPipeline.from_single_file(
        str(file),
        config=str(config_folder(tmp_path, config)),
        tokenizer=tokenizer,
        local_files_only=True,
        safety_checker=None,
    )
    for ours, theirs in ((unet, pipeline.unet), (vae, pipeline.vae), (text, pipeline.text_encoder)):
        read = theirs.state_dict()
        assert set(read) == set(ours.state_dict())
        assert all(torch.equal(value.half(), read[key].half()) for key, value in ours.state_dict().items())
    assert pipeline.scheduler.config.prediction_type == "v_prediction"
    assert pipeline.vae.config.scaling_factor == 0.7


def test_the_metadata_are_strings_and_say_how_to_use_the_file(tmp_path: Path) -> None:
    unet, vae, text = build_unet(TINY_UNET), build_vae(), build_text_encoder(TINY_TEXT)
    written = describe(unet, vae, text, 0.7, card({"samples": 1}))
    assert all(isinstance(value, str) for value in written.values())
    taffy = json.loads(written["taffy"])
    assert (taffy["downscale"], taffy["native_size"], taffy["attention_heads"]) == (4, 64, 2)
    assert taffy["config"]["unet"]["block_out_channels"] == [8, 16, 16]
    assert len(taffy["card"]["examples"]) == 12


def test_the_sheet_shows_every_concept_once() -> None:
    prompts = sheet_prompts()
    assert len(prompts) == len(CONCEPTS)
    assert all(concept in prompt for concept, prompt in zip(CONCEPTS, prompts, strict=True))
