from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from modules.adapters.files import base_of
from modules.core.errors import BadCheckpoint, BadRequest, UnknownName, UnsafeFile
from modules.core.request import GenerationRequest
from modules.manager.adapters import Adapters

LAYER = "lora_unet_mid_block_attentions_0_proj_in"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """LoRAs ink, in/Fine Line and old (a pickle), damaged; an embedding "thing"."""
    (tmp_path / "Lora" / "in").mkdir(parents=True)
    (tmp_path / "embeddings").mkdir()
    weights = {f"{LAYER}.lora_down.weight": torch.ones(1, 2), f"{LAYER}.lora_up.weight": torch.ones(2, 1)}
    save_file(weights, tmp_path / "Lora" / "ink.safetensors")
    save_file(weights, tmp_path / "Lora" / "in" / "Fine Line.safetensors", {"sshs_model_hash": "abcdef0123456789"})
    (tmp_path / "Lora" / "old.pt").write_bytes(b"anything")
    (tmp_path / "Lora" / "damaged.safetensors").write_bytes(b"\xff" * 100)
    save_file({"emb_params": torch.ones(1, 768)}, tmp_path / "embeddings" / "thing.safetensors")
    return tmp_path


def test_files_are_listed_by_their_names_below_the_folder(models: Path) -> None:
    adapters = Adapters((models,))
    assert adapters.lora_names() == ("damaged", "in/Fine Line", "ink", "old")
    assert adapters.embedding_names() == ("thing",)


@pytest.mark.parametrize("name", ["in/Fine Line", "fine line", "Fine Line.safetensors"])
def test_a_lora_is_found_by_any_of_its_names(models: Path, name: str) -> None:
    assert Adapters((models,)).lora(name).name == "in/Fine Line"


def test_the_whole_name_comes_before_the_stem_of_another(models: Path) -> None:
    for folder in ("a", "z"):
        (models / "Lora" / folder).mkdir()
        (models / "Lora" / folder / "ink.safetensors").write_bytes((models / "Lora" / "ink.safetensors").read_bytes())
    adapters = Adapters((models,))
    assert [adapters.lora(name).name for name in ("ink", "INK", "z/ink")] == ["ink", "ink", "z/ink"]


def test_of_two_with_one_name_in_two_folders_both_are_listed_and_can_be_used(models: Path, tmp_path: Path) -> None:
    second = tmp_path / "second" / "loras"
    second.mkdir(parents=True)
    (second / "ink.safetensors").write_bytes((models / "Lora" / "in" / "Fine Line.safetensors").read_bytes())
    adapters = Adapters((models, tmp_path / "second", tmp_path / "second"))  # named twice: listed once
    assert [name for name in adapters.lora_names() if "ink" in name] == ["ink", "loras/ink"]
    assert adapters.lora("ink").path == models / "Lora" / "ink.safetensors"
    assert adapters.lora("loras/ink").path == second / "ink.safetensors"


def test_a_converted_pickle_gives_its_name_to_the_safe_file(models: Path) -> None:
    (models / "Lora" / "old.safetensors").write_bytes((models / "Lora" / "ink.safetensors").read_bytes())
    (models / "embeddings" / "thing.pt").write_bytes(b"anything")
    adapters = Adapters((models,))
    assert adapters.lora("old").path.suffix == ".safetensors"
    assert adapters.take(GenerationRequest(prompt="a thing")).embeddings[0].file.path.suffix == ".safetensors"


def test_a_word_that_two_embeddings_have_stands_for_the_first(models: Path) -> None:
    (models / "embeddings" / "more").mkdir()
    save_file({"emb_params": torch.ones(2, 768)}, models / "embeddings" / "more" / "Thing.safetensors")
    (found,) = Adapters((models,)).take(GenerationRequest(prompt="a thing")).embeddings
    assert found.file.shapes == {"emb_params": (2, 768)}


def test_hashes_are_a1111s(models: Path) -> None:
    adapters = Adapters((models,))
    content = (models / "Lora" / "ink.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    embedding = (models / "embeddings" / "thing.safetensors").read_bytes()
    taken = adapters.take(GenerationRequest(prompt="a thing"))
    assert adapters.lora("ink").hash == hashlib.sha256(content[8 + length :]).hexdigest()[:12]
    assert adapters.lora("fine line").hash == "abcdef012345"
    save_file(
        {f"{LAYER}.alpha": torch.ones(1)}, models / "Lora" / "odd.safetensors", {"sshs_model_hash": 'x", Steps: 1'}
    )
    assert len(adapters.lora("odd").hash) == 12 and '"' not in adapters.lora("odd").hash
    assert taken.embeddings[0].file.hash == hashlib.sha256(embedding).hexdigest()[:12]


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("nothing", UnknownName, "there is no LoRA called 'nothing'"),
        ("old", UnsafeFile, r"old\.pt is a \.pt file"),
        ("damaged", BadCheckpoint, r"damaged\.safetensors"),
    ],
)
def test_what_cannot_be_used_says_why(models: Path, name: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Adapters((models,)).lora(name)


def test_tags_are_taken_out_of_the_prompts_and_their_files_found(models: Path) -> None:
    taken = Adapters((models,)).take(GenerationRequest(prompt="a <lora:ink:0.5:1> cat", negative_prompt="<lora:no>"))
    assert (taken.request.prompt, taken.request.negative_prompt) == ("a  cat", "<lora:no>")
    assert [(one.file.name, one.text, one.denoiser) for one in taken.loras] == [("ink", 0.5, 1.0)]


def test_other_loras_in_the_second_pass_are_refused(models: Path) -> None:
    request = GenerationRequest(prompt="<lora:ink>", hires_prompt="<lora:fine line>", hires_scale=2)
    with pytest.raises(BadRequest, match="the second pass uses the LoRAs of the prompt"):
        Adapters((models,)).take(request)


@pytest.mark.parametrize(
    ("shapes", "base"),
    [  # keys as they stand in files of these kinds
        ({"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (32, 768)}, "sd1"),
        ({"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (32, 1024)}, "sd2"),
        ({"lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight": (32, 2048)}, "sdxl"),
        ({"unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_v.lora_A.weight": (32, 2048)}, "sdxl"),
        ({"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (32, 1280)}, "sdxl"),
        ({"lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": (16, 3072)}, "Flux"),
        ({"transformer.single_transformer_blocks.0.attn.to_k.lora_A.weight": (16, 3072)}, "Flux"),
        ({"lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight": (16, 1536)}, "SD 3"),
        ({"emb_params": (8, 768)}, "sd1"),
        ({"clip_l": (8, 768), "clip_g": (8, 1280)}, "sdxl"),
        ({"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_k.lora_down.weight": (32, 320)}, ""),
        ({"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k.alpha": ()}, ""),
        ({"lycoris_mid_block_attentions_0_transformer_blocks_0_attn1_to_k.lokr_w2": (320, 1024)}, ""),
    ],
)
def test_keys_and_widths_tell_the_family(shapes: dict[str, Any], base: str) -> None:
    assert base_of(shapes, {}) == base
    assert base_of(shapes, {"ss_base_model_version": "sd_v2_v"}) == "sd2"
    assert base_of(shapes, {"ss_v2": "True"}) == "sd2"
