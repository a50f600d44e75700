"""The style modes where the engine meets them: before, instead of and beside its own loop."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from modules.core.errors import BadRequest
from modules.core.events import Event, Finished, Loaded, PictureMade
from modules.core.family import CheckpointCard
from modules.core.request import GenerationRequest, parse_request
from modules.engine.engine import Engine
from modules.engine.style.job import picture_hash
from modules.families.device import pick_device
from modules.hooks.engine_host import EngineHost
from modules.manager.index import Index
from modules.manager.manager import Manager
from modules.style.modes import modes
from modules.style.presets import with_preset
from modules.text.infotext import fields_from_infotext, read_infotext, write_infotext
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.upscalers import Upscalers
from tests.style.conftest import blobs, levels, png

TEXT = GenerationRequest(checkpoint="tiny", prompt="a cat", width=64, height=48, steps=3, cfg_scale=4, seed=3)
INPUTS = {"content": png(blobs(0)), "style": png(blobs(1)), "photo": png(blobs(2, (301, 203)))}


@pytest.fixture(scope="module")
def engine(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    device = pick_device(True, "fp32", "automatic")
    manager = Manager(Index((tiny_models,)), device, tmp_path_factory.mktemp("cache"))
    return Engine(manager, EngineHost([]), Upscalers(UpscalerIndex(()), device), (tiny_models,))


def events(engine: Engine, **values: Any) -> list[Event]:
    return list(engine.generate("job", replace(TEXT, **values), INPUTS))


def picture(engine: Engine, **values: Any) -> NDArray[np.int64]:
    return levels(next(event for event in events(engine, **values) if isinstance(event, PictureMade)))


def test_a_picture_from_words_is_the_same_to_the_bit_after_every_mode(engine: Engine) -> None:
    before = picture(engine)
    picture(engine, style_mode="inject", image="content", style_images=("style",))
    picture(engine, style_mode="series", style_images=("style",))
    assert np.array_equal(picture(engine), before)


def test_colours_alone_keep_the_size_of_a_photo_and_load_nothing(engine: Engine) -> None:
    made = events(engine, style_mode="colour", image="photo", style_images=("style",))
    assert [type(event) for event in made] == [PictureMade, Finished]
    assert isinstance(made[0], PictureMade)
    assert (made[0].width, made[0].height) == (301, 203)
    assert not any(isinstance(event, Loaded) for event in made)


def test_a_preset_is_said_in_the_prompt(engine: Engine) -> None:
    words = with_preset(replace(TEXT, style_preset="Comic"))
    by_name = picture(engine, image="content", style_mode="words", style_preset="comic", strength=0.6)
    by_hand = picture(
        engine, image="content", style_mode="words", strength=0.6, prompt=words.prompt,
        negative_prompt=words.negative_prompt,
    )  # fmt: skip
    assert np.array_equal(by_name, by_hand)
    assert not np.array_equal(by_name, picture(engine, image="content", style_mode="words", strength=0.6))


def test_colours_can_be_matched_on_any_picture(engine: Engine) -> None:
    style = np.asarray(blobs(1)).mean((0, 1))
    plain, matching = picture(engine), picture(engine, style_match=True, style_images=("style",))
    far, near = (np.abs(each.mean((0, 1)) - style).max() for each in (plain, matching))
    assert near < far / 2


def test_an_adapter_that_is_not_installed_is_named_and_leaves_the_engine_as_it_was(engine: Engine) -> None:
    before = picture(engine)
    with pytest.raises(BadRequest, match=r"ip_adapter/image_encoder/config.json"):
        picture(engine, style_mode="adapter", style_images=("style",))
    assert np.array_equal(picture(engine), before)


@pytest.mark.parametrize(
    "values",
    [
        {"style_mode": "inject", "style_keep": 0.75, "style_contrast": 2.0, "style_amount": 0.3, "sampler": "Euler"},
        {"style_mode": "inject", "style_images": ("style", "photo"), "style_weights": (2.0, 1.0), "style_match": True},
        {"style_mode": "words", "style_preset": "Comic", "strength": 0.6, "style_match": True, "style_luma": True},
        {"style_mode": "series", "style_amount": 0.4},
    ],
)
def test_the_text_of_a_picture_and_the_pictures_it_names_by_hash_make_it_again(
    engine: Engine, values: dict[str, Any]
) -> None:
    request = replace(TEXT, **{"image": "content", "style_images": ("style",), **values})
    made = next(event for event in engine.generate("job", request, INPUTS) if isinstance(event, PictureMade))
    text = write_infotext(request, made.facts)
    said = read_infotext(text).values
    hashes = {picture_hash(Image.open(io.BytesIO(data))): name for name, data in INPUTS.items()}
    again = {
        **fields_from_infotext(text)[0],
        "image": hashes[said["Content image hash"]],
        "style_mode": said["Style mode"],
        "style_images": tuple(hashes[one] for one in said["Style image hash"].split()),
        "style_weights": tuple(map(float, said.get("Style shares", "").split())),
        "style_match": said.get("Style match") == "True",
    }
    events = engine.generate("again", parse_request(again), INPUTS)
    assert next(event for event in events if isinstance(event, PictureMade)).rgb == made.rgb
    assert said["Sampler"] == ("DDIM" if values["style_mode"] == "inject" else TEXT.sampler)


def card(**values: Any) -> CheckpointCard:
    known: dict[str, Any] = {
        "name": "c", "family": "sd1", "downscale": 8, "latent_channels": 4, "native_size": 512, "size_multiple": 8,
        "prompt_tokens": 75, "prediction": "epsilon", "default_steps": 20, "default_cfg": 7.0,
    }  # fmt: skip
    return CheckpointCard(**(known | values))


def why_not(card: CheckpointCard | None, models: Path) -> dict[str, str]:
    return {mode.id: mode.why_not for mode in modes(card, [models])}


def test_modes_are_greyed_with_the_reason(tmp_path: Path) -> None:
    usual = why_not(card(), tmp_path)
    assert [name for name, reason in usual.items() if reason] == ["adapter"]
    assert "ip-adapter-plus_sd15.safetensors" in usual["adapter"]
    flow = why_not(card(prediction="flow"), tmp_path)
    assert [name for name, reason in flow.items() if reason] == ["inject", "series", "adapter"]
    for nothing in (card(input_kind="instruct"), None):
        assert [name for name, reason in why_not(nothing, tmp_path).items() if not reason] == ["colour"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"style_mode": "inject", "style_images": ("style",)}, "needs a content picture"),
        ({"style_mode": "inject", "image": "content"}, "needs a style picture"),
        ({"style_mode": "colour", "image": "content", "style_images": ("",)}, "id of a style picture is empty"),
        ({"style_match": True}, "matching colours needs a style picture"),
        ({"style_mode": "series", "style_weights": (1.0,)}, "one style weight for each style picture"),
        ({"style_mode": "inject", "image": "a", "style_images": ("b",), "count": 2}, "makes one picture, got 2"),
        ({"style_images": tuple("abcde")}, "at most 4"),
    ],
)
def test_a_request_without_what_its_mode_needs_is_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(TEXT, **values)


def test_the_shelf_of_style_pictures_is_what_its_script_draws() -> None:
    from modules.style.draw import DRAWINGS, image
    from modules.style.pictures import PICTURES

    assert set(PICTURES) == set(DRAWINGS)
    assert len(PICTURES) == 12
    assert all(path.stat().st_size < 100_000 for path in PICTURES.values())
    drawn, shipped = image(DRAWINGS["pixels"]()), Image.open(PICTURES["pixels"]).convert("RGB")
    assert drawn.size == shipped.size
    assert np.abs(np.asarray(drawn).astype(int) - np.asarray(shipped)).mean() < 4
