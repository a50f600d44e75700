from __future__ import annotations

from pathlib import Path

import pytest

from modules.core.errors import BadCheckpoint
from modules.families import FAMILIES, recognise
from modules.families.header import Header, read_header


def header_with(*keys: str) -> Header:
    return Header(Path("thing.safetensors"), {key: {"shape": [1]} for key in keys})


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("model.diffusion_model.joint_blocks.0.x", "this looks like SD 3; this version of Taffy runs SD 1.x, SD 2.x"),
        ("double_blocks.0.x", "this looks like Flux"),
        ("unet.mid_block.attn.to_k.lora_A.weight", "a LoRA; it belongs in models/Lora"),
        ("lora_unet_down.x", "a LoRA; it belongs in models/Lora"),
        ("first_stage_model.x", "a VAE; it belongs in models/VAE"),
        ("model.diffusion_model.x", "a denoiser without its VAE and its text encoder"),
        ("something.else", "none of its 1 tensors has a known name"),
    ],
)
def test_other_files_are_told_what_they_look_like(key: str, words: str) -> None:
    with pytest.raises(BadCheckpoint, match=words.replace(".", r"\.")):
        recognise("thing", header_with(key))


def test_a_checkpoint_that_lacks_a_part_says_which() -> None:
    for beginning, missing in (("first_stage_model.", "text encoder"), ("conditioner.embedders.0.", "VAE")):
        with pytest.raises(BadCheckpoint, match=rf"this looks like a denoiser without its {missing}$"):
            recognise("thing", header_with("model.diffusion_model.x", f"{beginning}y"))


def test_another_pipeline_in_a_folder_is_named() -> None:
    folder = Header(Path("xl"), {}, configs={"model_index": {"_class_name": "FluxPipeline"}})
    with pytest.raises(BadCheckpoint, match="FluxPipeline"):
        recognise("xl", folder)


def test_a_folder_with_a_pipeline_of_its_own_code_is_refused() -> None:
    folder = Header(Path("xl"), {}, configs={"model_index": {"_class_name": ["pipeline", "Mine"]}})
    with pytest.raises(BadCheckpoint, match="names no pipeline of diffusers"):
        recognise("xl", folder)


def test_the_card_names_the_family_that_loads_it(tiny_file: Path) -> None:
    card = recognise("tiny", read_header(tiny_file))
    assert FAMILIES[card.family].matches(read_header(tiny_file))
