"""What holds for every family: one suite over tiny checkpoints with random weights, beside diffusers' own pipelines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.loaders import single_file_utils as theirs
from safetensors.torch import load_file

from modules.families import recognise
from modules.families.header import read_header
from modules.families.unet.family import UnetFamily
from modules.preview.linear import first_fit
from tests.checkpoints import KINDS, load_family, tiny_file_of
from tests.families import oracle, painting

torch.set_num_threads(1)
NOOB = {"v_pred": torch.zeros(1), "ztsnr": torch.zeros(1)}
FILES: dict[str, tuple[str, str, dict[str, torch.Tensor]]] = {  # name -> kind, prediction, marks
    "sd1": ("sd1", "epsilon", {}),
    "sd2": ("sd2", "epsilon", {}),
    "sd2-v": ("sd2", "v_prediction", {}),
    "sdxl": ("sdxl", "epsilon", {}),
    "noob": ("sdxl", "", NOOB),
    "refiner": ("refiner", "epsilon", {}),
}


@pytest.fixture(scope="session", params=FILES)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind, prediction, marks = FILES[request.param]
    path = tmp_path_factory.mktemp("contract") / f"{request.param}.safetensors"
    return tiny_file_of(path, KINDS[kind], prediction, marks=marks)


@pytest.fixture(scope="session")
def family(file: Path) -> UnetFamily:
    return load_family(file)


@pytest.fixture(scope="session")
def folder(file: Path, family: UnetFamily, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same checkpoint in diffusers' layout, saved by diffusers."""
    schedule = {"rescale_betas_zero_snr": True} if file.stem == "noob" else {}
    made = oracle.pipeline(family, **schedule)
    path = tmp_path_factory.mktemp("folders") / file.stem
    for name, part in made.components.items():
        if name.startswith(("unet", "vae", "text", "scheduler")) and part is not None:
            part.save_pretrained(path / name)
    index = {"_class_name": type(made).__name__} | {
        key: made.config[key] for key in ("force_zeros_for_empty_prompt",) if key in made.config
    }
    (path / "model_index.json").write_text(json.dumps(index))
    return path


def test_a_header_is_recognised_as_its_family(file: Path) -> None:
    card = recognise(file.stem, read_header(file))
    assert card.family == FILES[file.stem][0].replace("refiner", "sdxl")
    assert (card.downscale, card.native_size, card.default_steps) == (4, 64, 4)
    assert card.prediction == ("v_prediction" if file.stem in {"sd2-v", "noob"} else "epsilon")


def test_weights_are_those_that_diffusers_reads_from_the_same_file(
    file: Path,
    family: UnetFamily,
) -> None:
    """Its own converters know where parameters lie."""
    for part, network in family.networks.items():
        converted = converted_by_diffusers(part, file, family)
        for name, weight in network.state_dict().items():
            assert torch.equal(weight, converted[name.removeprefix("text_model.")].float().view(weight.shape))


def test_a_folder_gives_the_same_weights_card_and_picture(file: Path, family: UnetFamily, folder: Path) -> None:
    other = load_family(folder)
    for part, network in family.networks.items():
        found = other.networks[part].state_dict()
        assert all(torch.equal(weight, found[name]) for name, weight in network.state_dict().items())
    assert (other.kind, other.card.prediction) == (family.kind, family.card.prediction)
    assert np.array_equal(painting.picture(other), painting.picture(family))


def test_our_picture_is_at_most_one_grey_level_from_the_pipelines(file: Path, family: UnetFamily) -> None:
    """The same prompt through transformers' tokenizer, diffusers' encoding, U-Net call, scheduler and decoding."""
    schedule = {"rescale_betas_zero_snr": True} if file.stem == "noob" else {}
    request = replace(painting.REQUEST, prompt="a cat, one")
    wanted = oracle.picture(family, request, **schedule)
    assert np.abs(painting.picture(family, request) - wanted).max() <= 1
    assert np.abs(painting.picture(family, replace(request, prompt="a dog")) - wanted).max() > 1  # the twin


def test_an_empty_negative_prompt_is_the_pipelines(file: Path, family: UnetFamily) -> None:
    """Zeros for SDXL, the empty text for the others; our refiner takes zeros as A1111 does, diffusers' does not."""
    request = replace(painting.REQUEST, prompt="a cat, one", negative_prompt="")
    schedule = {"rescale_betas_zero_snr": True} if file.stem == "noob" else {}
    if not family.kind.score:
        assert np.abs(painting.picture(family, request) - oracle.picture(family, request, **schedule)).max() <= 1
    assert np.abs(painting.picture(family, request) - painting.picture(family)).max() > 1


def test_the_prompt_changes_the_conditioning(family: UnetFamily) -> None:
    cat, dog = (family.encode_prompt(prompt, 1) for prompt in ("a cat", "a dog"))
    assert cat.embeddings.shape == (1, 77, family.unet.config["cross_attention_dim"])
    assert not torch.allclose(cat.embeddings, dog.embeddings)
    assert (cat.pooled is None) == (family.kind.time_ids == 0)


def test_picture_i_of_a_batch_is_the_picture_of_its_seed(family: UnetFamily) -> None:
    together = painting.latents(family, seeds=(3, 4))
    torch.testing.assert_close(together[1:], painting.latents(family, seeds=(4,)), atol=1e-3, rtol=1e-3)
    assert not torch.allclose(together[0], together[1], atol=0.1)


def test_a_run_resumes_exactly_after_any_step(family: UnetFamily) -> None:
    whole = list(painting.steps(family))
    resumed = list(painting.steps(family, recorded=[step.prediction for step in whole[:2]]))
    assert torch.equal(whole[-1].x, resumed[-1].x)


def test_closing_a_run_leaves_the_family_as_it_was(family: UnetFamily) -> None:
    before = painting.latents(family)
    run: Any = painting.steps(family)
    next(run)
    run.close()
    assert torch.equal(painting.latents(family), before)


def test_an_unfinished_latent_can_be_shown(family: UnetFamily) -> None:
    step = next(painting.steps(family))
    pixels = first_fit(family).pixels(step.prediction.x0)
    assert pixels.shape[1] == 3
    assert bool(torch.isfinite(pixels).all())


def test_what_was_decoded_can_be_encoded_again(family: UnetFamily) -> None:
    pixels = family.decode(torch.zeros(2, *family.latent_shape(36, 76)))
    assert pixels.shape == (2, 3, 76, 36)
    assert family.encode(pixels).shape == (2, *family.latent_shape(36, 76))


def test_half_precision_is_near_full_precision(file: Path, family: UnetFamily) -> None:
    half = load_family(file, "bf16")
    x = torch.randn(1, *family.latent_shape(64, 48), generator=torch.Generator().manual_seed(0)) * 3
    ours, wanted = (one.denoise(x, 3.0, one.encode_prompt("a cat", 1)) for one in (half, family))
    assert ours.dtype == torch.float32
    assert float((ours - wanted).norm() / wanted.norm()) < 0.05


def converted_by_diffusers(part: str, file: Path, family: UnetFamily) -> dict[str, torch.Tensor]:
    """What diffusers' converter for single files makes of one part, and nothing of ours."""
    weights = load_file(file)
    if part == "unet":
        found: dict[str, torch.Tensor] = theirs.convert_ldm_unet_checkpoint(weights, dict(family.unet.config))
    elif part == "vae":
        found = theirs.convert_ldm_vae_checkpoint(weights, dict(family.vae.config))
    elif (encoder := next(one for one in family.kind.encoders if one.part == part)).open_clip:
        found = theirs.convert_open_clip_checkpoint(family.networks[part], weights, encoder.prefix)
    else:
        found = theirs.convert_ldm_clip_checkpoint(weights, encoder.prefix.removesuffix("."))
    return {name.removeprefix("text_model."): weight for name, weight in found.items()}
