"""Folders that run in diffusers' own pipelines: the contract of families as far as they can keep it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline

from modules.core.errors import BadCheckpoint, BadRequest, UnsafeFile
from modules.core.moments import PaintedStep
from modules.core.request import GenerationRequest
from modules.families import FAMILIES, recognise
from modules.families.device import Device
from modules.families.header import read_header
from modules.families.whole.family import PipelineFamily
from modules.families.whole.source import call_of, text_to_picture
from modules.preview.linear import first_fit
from tests.checkpoints import finished
from tests.families.whole_folders import FOLDERS, save_folder

torch.set_num_threads(1)
REQUEST = GenerationRequest(
    prompt="a cat", negative_prompt="ugly", width=64, height=48, steps=3, cfg_scale=4, seed=3, sampler="", schedule=""
)
CPU = Device("cpu", "fp32", True, "sdpa")


@pytest.fixture(scope="session", params=FOLDERS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(request.param, tmp_path_factory.mktemp("whole") / request.param)


@pytest.fixture(scope="session")
def family(folder: Path) -> PipelineFamily:
    return loaded(folder)


def loaded(folder: Path) -> PipelineFamily:
    header = read_header(folder)
    loader = FAMILIES[recognise(folder.name, header).family]
    family = finished(loader.load(folder.name, header, CPU, lambda: None))
    assert isinstance(family, PipelineFamily)
    return family


def painted(
    family: PipelineFamily, request: GenerationRequest = REQUEST, seeds: tuple[int, ...] = (3,)
) -> torch.Tensor:
    return finished(family.paint(request, seeds))


def steps(family: PipelineFamily) -> list[PaintedStep]:
    return list(family.paint(REQUEST, (3,)))


def test_the_card_says_what_the_folder_and_the_pipelines_source_say(folder: Path) -> None:
    card = recognise("it", read_header(folder))
    assert (card.family, card.downscale, card.native_size) == ("diffusers_pipeline", 4, 64)
    assert card.size_multiple == (4 if folder.name == "lcm" else 8)
    assert card.default_steps == {"lcm": 4, "sd3": 28, "pixart": 20}[folder.name]
    assert card.pipeline in card.description
    assert "LoRAs" in card.description


def test_a_picture_is_the_one_of_the_pipeline_called_directly(folder: Path, family: PipelineFamily) -> None:
    parts = {"lcm": ("safety_checker",), "sd3": ("text_encoder_3", "tokenizer_3"), "pixart": ()}[folder.name]
    pipeline = DiffusionPipeline.from_pretrained(str(folder), local_files_only=True, **dict.fromkeys(parts))
    pipeline.set_progress_bar_config(disable=True)
    arguments: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "guidance_scale": 4.0}
    if folder.name != "lcm":
        arguments["negative_prompt"] = "ugly"
    if folder.name == "pixart":
        arguments["use_resolution_binning"] = False
    wanted = pipeline(
        **arguments, width=64, height=48, generator=torch.Generator().manual_seed(3), output_type="pt"
    ).images
    torch.testing.assert_close(painted(family), wanted, atol=2e-3, rtol=0)
    other = painted(family, replace(REQUEST, prompt="red dog"))
    assert float((other - wanted).abs().max()) > 2e-2


def test_picture_i_of_a_batch_is_the_picture_of_its_seed(family: PipelineFamily) -> None:
    together = painted(family, seeds=(3, 4))
    torch.testing.assert_close(together[1:], painted(family, seeds=(4,)), atol=5e-3, rtol=0)
    assert float((together[0] - together[1]).abs().max()) > 2e-2


def test_every_step_can_be_shown_and_the_last_one_is_the_picture(family: PipelineFamily) -> None:
    seen = steps(family)
    assert [(step.index, step.steps) for step in seen] == [(0, 3), (1, 3), (2, 3)]
    assert seen[0].sigma > seen[1].sigma > seen[2].sigma > 0
    assert all(family.shows(step.x0) for step in seen)
    torch.testing.assert_close(family.decode(seen[-1].x), painted(family), atol=2e-3, rtol=0)


def test_the_estimate_on_the_way_is_nearer_to_the_end_than_the_latents_are(family: PipelineFamily) -> None:
    first, *_, last = steps(family)
    assert float((first.x0 - last.x).norm()) < float((first.x - last.x).norm())


def test_the_cheap_preview_can_be_fitted(family: PipelineFamily) -> None:
    pixels = first_fit(family).pixels(steps(family)[0].x0)
    assert pixels.shape == (1, 3, 12, 16)
    assert bool(torch.isfinite(pixels).all())


def test_closing_a_run_ends_it_at_the_next_step_and_leaves_the_family_as_it_was(family: PipelineFamily) -> None:
    before = painted(family)
    painting: Any = family.paint(REQUEST, (3,))
    next(painting)
    painting.close()
    assert "step" not in vars(family.pipeline.scheduler)
    assert torch.equal(painted(family), before)


def test_an_error_inside_the_pipeline_reaches_who_asked(family: PipelineFamily) -> None:
    with pytest.raises(Exception, match=r"divisible|multiple|size|shape"):
        painted(family, replace(REQUEST, width=70))


def test_what_the_loop_would_need_is_refused_by_name(family: PipelineFamily) -> None:
    with pytest.raises(BadRequest, match="runs as a whole"):
        family.encode(torch.zeros(1, 3, 8, 8))


def test_loading_tells_how_many_bytes_are_done(folder: Path) -> None:
    header = read_header(folder)
    told = list(FAMILIES["diffusers_pipeline"].load("it", header, CPU, lambda: None))
    stored = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    assert told[0][0] == 0 and told[-1][0] == told[-1][1]
    assert told[-1][1] == pytest.approx(stored, rel=0.05)
    assert len(told) == len(header.files) + 1


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_weights_in_several_files_are_found(tmp_path: Path, variant: str | None) -> None:
    folder = save_folder("pixart", tmp_path / "pixart")
    whole = read_header(folder)
    (folder / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    model = loaded(save_folder("pixart", tmp_path / "again")).networks["transformer"]
    model.save_pretrained(folder / "transformer", max_shard_size="60KB", variant=variant)  # type: ignore[operator]
    several = read_header(folder)
    assert several.tensors.keys() == whole.tensors.keys()
    pieces = {several.place(key)[0] for key in several.tensors if key.startswith("transformer/")}
    assert len(pieces) > 1
    assert torch.equal(painted(loaded(folder)), painted(loaded(tmp_path / "again")))
    pieces.pop().unlink()
    with pytest.raises(BadCheckpoint, match=rf"is incomplete: {len(pieces)} of {len(pieces) + 1} files are there"):
        read_header(folder)


Change = Callable[[Path, dict[str, Any]], object]


def brings_a_program(folder: Path, index: dict[str, Any]) -> None:
    (folder / "unet" / "my_unet.py").write_text("open('/tmp/w-models-was-here', 'w')")


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        (brings_a_program, UnsafeFile, r"brings a program of its own \(unet/my_unet\.py\)"),
        (lambda _, index: index.update(_class_name=["pipeline", "Mine"]), BadCheckpoint, "names no pipeline"),
        (lambda _, index: index.update(unet=["os", "system"]), UnsafeFile, "takes its part 'unet' from 'os'"),
        (lambda _, index: index.update(_class_name="StableDiffusionUpscalePipeline"), BadCheckpoint, "words alone"),
        (lambda _, index: index.update(_class_name="NobodysPipeline"), BadCheckpoint, "NobodysPipeline"),
        (lambda _, index: index.update(transformer=["diffusers", "X"]), BadCheckpoint, "part transformer is missing"),
        (lambda _, index: index.update({"../vae": ["diffusers", "X"]}), BadCheckpoint, r"part \.\./vae is missing"),
    ],
)
def test_folders_that_cannot_be_used_say_why(tmp_path: Path, change: Change, kind: type, sentence: str) -> None:
    folder = save_folder("lcm", tmp_path / "lcm")
    index = json.loads((folder / "model_index.json").read_text())
    change(folder, index)
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(kind, match=sentence):
        recognise("lcm", read_header(folder))


def test_a_stable_diffusion_of_another_shape_runs_as_a_whole(tmp_path: Path) -> None:
    pixels = painted(loaded(save_folder("distilled", tmp_path / "distilled")))
    assert pixels.shape == (1, 3, 48, 64) and float(pixels.std()) > 0.01


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = save_folder("lcm", tmp_path / "lcm")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(UnsafeFile, match="can run programs"):
        read_header(folder)


def test_diffusers_source_is_read_without_importing_it() -> None:
    assert {"PixArtSigmaPipeline", "KandinskyV22CombinedPipeline", "KolorsPipeline"} <= text_to_picture()
    assert not {"StableDiffusionUpscalePipeline", "WanPipeline", "AudioLDM2Pipeline"} & text_to_picture()
    call = call_of("PixArtSigmaPipeline")
    assert (call.number("num_inference_steps", 0), call.number("guidance_scale", 0)) == (20, 4.5)
    assert "negative_prompt" in call.arguments


def test_a_family_of_its_own_comes_first(tiny_folder: Path) -> None:
    assert recognise("tiny", read_header(tiny_folder)).family == "sd1"


def test_pictures_are_not_plain_grey(family: PipelineFamily) -> None:
    assert float(np.std(painted(family).numpy())) > 0.02
