"""SD 2.1, SDXL and its refiner at full size, without memory: bare files of these shapes get the published configs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from modules.core.errors import BadCheckpoint
from modules.families.header import Header
from modules.families.recognise import recognise
from modules.families.unet.configs import read_configs
from modules.families.unet.layout import places_of
from tests.checkpoints import KINDS, single_file_tensors

UNETS: dict[str, dict[str, Any]] = {
    "sd2": {
        "block_out_channels": [320, 640, 1280, 1280],
        "attention_head_dim": [5, 10, 20, 20],
        "cross_attention_dim": 1024,
        "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
        "use_linear_projection": True,
    },
    "sdxl": {
        "block_out_channels": [320, 640, 1280],
        "attention_head_dim": [5, 10, 20],
        "cross_attention_dim": 2048,
        "down_block_types": ["DownBlock2D"] + ["CrossAttnDownBlock2D"] * 2,
        "up_block_types": ["CrossAttnUpBlock2D"] * 2 + ["UpBlock2D"],
        "transformer_layers_per_block": [1, 2, 10],
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
}
UNETS["refiner"] = UNETS["sdxl"] | {
    "block_out_channels": [384, 768, 1536, 1536],
    "attention_head_dim": [6, 12, 24, 24],
    "cross_attention_dim": 1280,
    "down_block_types": ["DownBlock2D"] + ["CrossAttnDownBlock2D"] * 2 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 2 + ["UpBlock2D"],
    "transformer_layers_per_block": [1, 4, 4, 4],
    "projection_class_embeddings_input_dim": 2560,
}
TEXTS = {768: (12, 12), 1024: (16, 23), 1280: (20, 32)}  # width -> heads, layers
WIDTHS = {"sd2": [1024], "sdxl": [768, 1280], "refiner": [1280]}


@pytest.fixture(scope="module", params=UNETS)
def full(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], Header]:
    """Name, networks and header of a file without metadata."""
    name = request.param
    networks = networks_of(name)
    tensors = {key: {"shape": list(tensor.shape)} for key, tensor in single_file_tensors(KINDS[name], networks).items()}
    return name, networks, Header(Path(f"{name}.safetensors"), tensors)


def networks_of(name: str) -> dict[str, Any]:
    """Of sd2, sdxl or refiner, without memory."""
    kind = KINDS[name]
    networks: dict[str, Any] = {}
    with torch.device("meta"):
        networks["unet"] = UNet2DConditionModel(**UNETS[name])
        networks["vae"] = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
        )
        for encoder, width in zip(kind.encoders, WIDTHS[name], strict=True):
            heads, layers = TEXTS[width]
            config = CLIPTextConfig(
                hidden_size=width,
                intermediate_size=4 * width,
                num_attention_heads=heads,
                num_hidden_layers=layers,
                projection_dim=width,
            )
            networks[encoder.part] = (CLIPTextModelWithProjection if encoder.projected else CLIPTextModel)(config)
    return networks


def test_a_file_without_metadata_gets_the_published_config(full: tuple[str, dict[str, Any], Header]) -> None:
    name, _, header = full
    configs = read_configs(header, KINDS[name])
    assert {key: configs.unet[key] for key in UNETS[name]} == UNETS[name]
    heads = {
        text["hidden_size"]: (text["num_attention_heads"], text["num_hidden_layers"]) for text in configs.text.values()
    }
    assert heads == {width: TEXTS[width] for width in WIDTHS[name]}
    assert configs.scaling_factor == {"sd2": 0.18215}.get(name, 0.13025)
    assert recognise("a", header).native_size == {"sd2": 768}.get(name, 1024)


@pytest.mark.parametrize(
    ("file", "size"), [("v2-1_512-ema-pruned", 512), ("sd_turbo", 512), ("v2-1_768-ema-pruned", 768), ("5120", 768)]
)
def test_an_sd2_says_by_its_name_that_it_was_trained_at_the_base_size(
    full: tuple[str, dict[str, Any], Header], file: str, size: int
) -> None:
    name, _, header = full
    card = recognise(file, replace(header, path=Path(f"{file}.safetensors")))
    assert card.native_size == (size if name == "sd2" else 1024)


def test_every_parameter_has_a_place_of_its_shape_and_every_tensor_a_parameter(
    full: tuple[str, dict[str, Any], Header],
) -> None:
    name, networks, header = full
    parts = {encoder.part: encoder for encoder in KINDS[name].encoders}
    used = set()
    for part, network in networks.items():
        weights = network.state_dict()
        for parameter, place in places_of(header, parts.get(part, part), weights).items():
            shape = place.shape(header)
            assert shape is not None
            assert [side for side in shape if side != 1] == [side for side in weights[parameter].shape if side != 1]
            used.add(place.key)
    assert {key for key in header.tensors if name != "sd2" or ".resblocks.23." not in key} <= used


@pytest.mark.parametrize(
    ("name", "steps", "cfg", "sampler", "why"),
    [
        ("sd_xl_turbo_1.0_fp16", 4, 1.0, "Euler a", "its name says Turbo"),
        ("juggernautXL_v9Rdphoto2Lightning", 4, 1.0, "Euler", "its name says Lightning"),
        ("dreamshaperXL_lightningDPMSDE", 4, 1.0, "Euler", "its name says Lightning"),
        ("sdxl_lightning_8step", 8, 1.0, "Euler", "its name says Lightning"),
        ("Hyper-SDXL-1step-lora-merged", 1, 1.0, "Euler", "its name says Hyper"),
        ("LCM_Dreamshaper_v7_4k", 6, 1.5, "LCM", "its name says LCM"),
        ("turbovisionary", 20, 7.0, "", ""),
        ("Hyper_Realistic_v3", 20, 7.0, "", ""),
    ],
)
def test_distilled_checkpoints_have_sane_defaults_and_say_why(
    full: tuple[str, dict[str, Any], Header], name: str, steps: int, cfg: float, sampler: str, why: str
) -> None:
    card = recognise(name, full[2])
    assert (card.default_steps, card.default_cfg) == (steps, cfg)
    assert (card.default_sampler, card.default_schedule) == (sampler, "sgm_uniform" if sampler else "")
    assert card.defaults_from == why


def test_a_title_in_the_metadata_tells_a_distilled_checkpoint_too(full: tuple[str, dict[str, Any], Header]) -> None:
    titled = replace(full[2], metadata={"modelspec.title": "Dream LCM"})
    card = recognise("dream", titled)
    assert (card.default_sampler, card.defaults_from) == ("LCM", "its title says LCM")


def test_the_mark_of_zero_snr_raises_the_last_noise_level(full: tuple[str, dict[str, Any], Header]) -> None:
    name, _, header = full
    marked = replace(header, tensors={**header.tensors, "v_pred": {"shape": []}, "ztsnr": {"shape": []}})
    plain, zero = (read_configs(each, KINDS[name]) for each in (header, marked))
    assert (plain.prediction, zero.prediction) == (None, "v_prediction")
    assert plain.schedule.levels.sigma_max == pytest.approx(14.6146, abs=1e-4)
    assert zero.schedule.levels.sigma_max == pytest.approx(4518.7, abs=1)


def test_networks_trained_on_other_noise_are_refused_by_name(full: tuple[str, dict[str, Any], Header]) -> None:
    name, _, header = full
    with pytest.raises(BadCheckpoint, match="Playground"):
        read_configs(replace(header, tensors={**header.tensors, "edm_mean": {"shape": [4]}}), KINDS[name])


@pytest.mark.parametrize(
    ("key", "words"),
    [("embedder.model.visual.proj", "a Stable unCLIP"), ("model.diffusion_model.scaled_fp8", "in scaled fp8")],
)
def test_what_would_give_wrong_pictures_is_refused_by_name(
    full: tuple[str, dict[str, Any], Header], key: str, words: str
) -> None:
    name, _, header = full
    with pytest.raises(BadCheckpoint, match=words):
        read_configs(replace(header, tensors={**header.tensors, key: {"shape": [4]}}), KINDS[name])


@pytest.mark.parametrize(
    "words",
    [
        'parameterization: "v"',
        "parameterization: v",
        "  target: sgm.modules.diffusionmodules.denoiser_scaling.VScaling",
    ],
)
def test_a_yaml_beside_the_file_says_v(full: tuple[str, dict[str, Any], Header], tmp_path: Path, words: str) -> None:
    name, _, header = full
    (tmp_path / "a.yaml").write_text(f"model:\n  params:\n    {words}\n")
    assert read_configs(replace(header, path=tmp_path / "a.safetensors"), KINDS[name]).prediction == "v_prediction"
