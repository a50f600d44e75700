from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch.nn import Module

from modules.core.errors import BadCheckpoint
from modules.core.family import CheckpointCard
from modules.families.header import Header, read_header
from modules.families.sd1 import SD1
from modules.families.unet import card, configs
from modules.families.unet.configs import Configs
from modules.families.unet.layout import places_of
from modules.training.export import ldm_tensors
from tests.checkpoints import tiny_text, tiny_unet, tiny_vae


def card_of(name: str, header: Header) -> CheckpointCard:
    return card.card_of(name, header, SD1)


def read_configs(header: Header) -> Configs:
    return configs.read_configs(header, SD1)


@pytest.fixture
def header(tiny_file: Path) -> Header:
    return read_header(tiny_file)


def record(header: Header) -> dict[str, Any]:
    taffy: dict[str, Any] = json.loads(header.metadata["taffy"])
    return taffy


def changed(header: Header, change: Callable[[dict[str, Any]], object]) -> Header:
    taffy = record(header)
    change(taffy)
    return replace(header, metadata={"taffy": json.dumps(taffy)})


def header_of(shapes: dict[str, tuple[int, ...]], **metadata: str) -> Header:
    return Header(Path("a.safetensors"), {key: {"shape": list(shape)} for key, shape in shapes.items()}, metadata)


def test_the_card_says_what_the_file_says(header: Header) -> None:
    card = card_of("tiny", header)
    assert (card.downscale, card.latent_channels, card.native_size, card.size_multiple) == (4, 4, 64, 4)
    assert (card.prompt_tokens, card.prediction, card.default_steps, card.default_cfg) == (75, "epsilon", 4, 3.0)
    assert card.words == {"concepts": ("cat", "rocket"), "hands": ("soft",)}


def test_shapes_alone_tell_widths_depth_and_attention(header: Header) -> None:
    configs = read_configs(changed(header, lambda taffy: taffy["config"]["unet"].clear()))
    said = record(header)["config"]["unet"]
    keys = ("block_out_channels", "down_block_types", "up_block_types", "layers_per_block", "cross_attention_dim")
    assert {key: configs.unet[key] for key in keys} == {key: said[key] for key in keys}


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_the_vaes_levels_tell_the_downscale_factor(levels: int) -> None:
    shapes = {k: tuple(v.shape) for k, v in ldm_tensors(tiny_unet(), tiny_vae(levels), tiny_text()).items()}
    config = {"vae": {"norm_num_groups": 8}, "text_encoder": {"num_attention_heads": 4}}
    assert card_of("a", header_of(shapes, taffy=json.dumps({"config": config}))).downscale == 2 ** (levels - 1)


def test_a_full_size_file_without_metadata_gets_sd1s_defaults(sd15_header: Header) -> None:
    configs = read_configs(sd15_header)
    assert configs.unet["block_out_channels"] == [320, 640, 1280, 1280]
    assert configs.unet["down_block_types"] == ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
    assert (configs.unet["layers_per_block"], configs.unet["attention_head_dim"]) == (2, 8)
    assert configs.vae["block_out_channels"] == [128, 256, 512, 512]
    text = configs.text["text_encoder"]
    assert (text["num_attention_heads"], text["num_hidden_layers"]) == (12, 12)
    assert (configs.scaling_factor, configs.prediction, configs.native_size) == (0.18215, None, 512)
    card = card_of("v1-5", sd15_header)
    assert (card.downscale, card.prediction) == (8, "epsilon")


def test_every_tensor_of_a_full_size_file_is_used(sd15_header: Header, sd15_parts: dict[str, Module]) -> None:
    names = {part: network.state_dict().keys() for part, network in sd15_parts.items()}
    encoder = SD1.encoders[0]
    parts = {part: encoder if part == encoder.part else part for part in names}
    keys = [place.key for part in names for place in places_of(sd15_header, parts[part], names[part]).values()]
    assert sorted(keys) == sorted(sd15_header.tensors)


def test_a_text_encoder_without_its_inner_prefix_is_found(sd15_header: Header) -> None:
    prefix = "cond_stage_model.transformer."
    bare = {key.replace(f"{prefix}text_model.", prefix): item for key, item in sd15_header.tensors.items()}
    assert read_configs(replace(sd15_header, tensors=bare)).text["text_encoder"]["hidden_size"] == 768


def test_modelspec_decides_where_we_did_not_write_the_file(sd15_header: Header) -> None:
    metadata = {"modelspec.prediction_type": "v", "modelspec.resolution": "768x768"}
    card = card_of("a", replace(sd15_header, metadata=metadata))
    assert (card.prediction, card.native_size) == ("v_prediction", 768)


@pytest.mark.parametrize(("channels", "kind"), [(4, "text"), (8, "instruct"), (9, "inpaint")])
def test_the_channels_of_the_unet_say_what_it_wants_beside_noise(sd15_header: Header, channels: int, kind: str) -> None:
    assert card_of("a", with_input_channels(sd15_header, channels)).input_kind == kind


def test_a_unet_with_other_inputs_is_refused(sd15_header: Header) -> None:
    with pytest.raises(BadCheckpoint, match="takes 5 channels"):
        read_configs(with_input_channels(sd15_header, 5))


def with_input_channels(header: Header, channels: int) -> Header:
    key = "model.diffusion_model.input_blocks.0.0.weight"
    return replace(header, tensors={**header.tensors, key: {"shape": [320, channels, 3, 3]}})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda taffy: taffy["config"]["unet"].update(block_out_channels=[32, 32]), "contradicts itself"),
        (lambda taffy: taffy["config"]["unet"].update(layers_per_block=10**9), "contradicts itself"),
        (lambda taffy: taffy["config"]["unet"].update(transformer_layers_per_block=10**9), "contradicts itself"),
        (lambda taffy: taffy["config"]["unet"].update(norm_num_groups=7), "cannot be split"),
        (lambda taffy: taffy["config"]["unet"].update(attention_head_dim=0), "cannot be split"),
        (lambda taffy: taffy["config"]["unet"].update(attention_head_dim="8"), "cannot be split"),
        (lambda taffy: taffy["config"]["vae"].update(mid_block_add_attention=False), "contradicts itself"),
        (lambda taffy: taffy["config"]["text_encoder"].update(num_hidden_layers=10**9), "contradicts itself"),
        (lambda taffy: taffy["config"]["text_encoder"].update(num_attention_heads=5), "cannot be split"),
        (lambda taffy: taffy["config"]["scheduler"].update(beta_end=7), "noise schedule"),
        (lambda taffy: taffy.update(downscale=8), "downscale factor: 4 and 8"),
    ],
)
def test_a_config_that_does_not_fit_the_weights_is_refused(
    header: Header, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    with pytest.raises(BadCheckpoint, match=words):
        read_configs(changed(header, change))


def test_unusual_widths_without_a_config_are_refused_with_advice(header: Header) -> None:
    with pytest.raises(BadCheckpoint, match="cannot be split") as caught:
        read_configs(replace(header, metadata={}))
    assert "in its metadata" in caught.value.advice


def test_a_missing_tensor_is_named(header: Header) -> None:
    tensors = {key: item for key, item in header.tensors.items() if not key.endswith("attn2.to_k.weight")}
    with pytest.raises(BadCheckpoint, match=r"attn2\.to_k\.weight of its unet is missing"):
        read_configs(replace(header, tensors=tensors))


def test_a_tensor_of_the_wrong_rank_is_named(header: Header) -> None:
    key = "model.diffusion_model.input_blocks.0.0.weight"
    with pytest.raises(BadCheckpoint, match=r"conv_in\.weight of its unet has the shape \(7,\)"):
        read_configs(replace(header, tensors={**header.tensors, key: {"shape": [7]}}))
