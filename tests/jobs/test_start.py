"""Requests that start from a picture: their size comes from it, and what does not fit together is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import BadRequest, UnknownName
from modules.core.request import GenerationRequest
from modules.core.requests import Input
from modules.core.upscaling import UpscaleRequest
from modules.jobs.start import GLIMPSE_PIXELS, as_glimpse, notes_on, settle_colours, settle_start, settle_upscale
from modules.upscalers.index import UpscalerIndex
from tests.workers import NOISE_CARD

INPUTS = {one.id: one for one in (
    Input("cat", 333, 64, parent="made"), Input("small", 20, 20), Input("mask", 333, 64), Input("wide", 8000, 100),
    Input("clear", 64, 64, has_alpha=True),
)}  # fmt: skip


@pytest.fixture
def upscalers(tmp_path: Path) -> UpscalerIndex:
    return UpscalerIndex([tmp_path])


def settled(upscalers: UpscalerIndex, card: Any = NOISE_CARD, **values: Any) -> GenerationRequest:
    return settle_start(GenerationRequest(**values), card, INPUTS, upscalers)


def notes(upscalers: UpscalerIndex, **values: Any) -> tuple[str, ...]:
    return notes_on(GenerationRequest(**values), settled(upscalers, **values), INPUTS, NOISE_CARD)


def test_a_size_of_0_is_the_pictures_own_rounded_up(upscalers: UpscalerIndex) -> None:
    request = settled(upscalers, image="cat")
    assert (request.width, request.height) == (336, 64)


def test_that_it_was_rounded_is_said(upscalers: UpscalerIndex) -> None:
    (note,) = notes(upscalers, image="cat")
    assert note == "painted at 336x64, the next size this checkpoint can make, and cut to 333x64"


def test_that_it_was_rounded_is_said_also_where_that_size_was_asked_for(upscalers: UpscalerIndex) -> None:
    (note,) = notes(upscalers, image="cat", width=336, height=64)
    assert note.endswith("cut to 333x64")


def test_a_look_at_a_photo_is_smaller_and_keeps_its_shape() -> None:
    photo, asked = Input("photo", 4000, 3000), GenerationRequest(image="photo", width=4000, height=3000)
    seen = as_glimpse(asked, photo, 8)
    assert 0.97 * GLIMPSE_PIXELS < seen.width * seen.height <= GLIMPSE_PIXELS
    assert (seen.width % 8, seen.height % 8) == (0, 0)
    assert seen.width / seen.height == pytest.approx(4 / 3, rel=0.01)
    assert as_glimpse(replace(asked, width=4000, height=8), photo, 8).height == 8


def test_a_look_at_an_ordinary_picture_is_what_the_job_starts_from() -> None:
    asked = GenerationRequest(image="small", width=1024, height=1024, resize_mode="latent")
    assert as_glimpse(asked, INPUTS["small"], 8) is asked
    photo = Input("photo", 4000, 3000)
    assert as_glimpse(asked, photo, 8).resize_mode == "stretch", "else all of the photo went through the VAE"


def test_that_transparent_parts_became_white_is_said(upscalers: UpscalerIndex) -> None:
    assert notes(upscalers, image="clear") == ("what is transparent in the picture became white",)


@pytest.mark.parametrize(
    "values", [{"width": 64, "height": 64}, {"width": 96}, {"extend_right": 3}, {"mask": "mask", "only_masked": True}]
)
def test_nothing_is_said_where_nothing_was_rounded(upscalers: UpscalerIndex, values: dict[str, Any]) -> None:
    assert notes(upscalers, image="cat", **values) == ()


def test_what_extends_the_picture_belongs_to_its_size(upscalers: UpscalerIndex) -> None:
    request = settled(upscalers, image="cat", extend_left=10, extend_right=20, extend_bottom=64)
    assert (request.width, request.height) == (368, 128)
    assert (request.extend_left, request.extend_right, request.extend_bottom) == (10, 20, 64)


def test_a_size_that_was_given_is_kept(upscalers: UpscalerIndex) -> None:
    request = settled(upscalers, image="cat", width=96)
    assert (request.width, request.height) == (96, 64)


def test_only_the_masked_part_is_painted_at_the_size_the_checkpoint_is_best_at(upscalers: UpscalerIndex) -> None:
    card = replace(NOISE_CARD, native_size=128)
    parts: list[dict[str, Any]] = [{"mask": "mask"}, {"extend_right": 3}]
    for part in parts:
        request = settled(upscalers, card, image="cat", only_masked=True, **part)
        assert (request.width, request.height) == (128, 128)
    assert settled(upscalers, image="cat", mask="mask", only_masked=True, width=96).width == 96
    unmasked = settled(upscalers, image="cat", only_masked=True)
    assert (unmasked.width, unmasked.height) == (336, 64)


def test_without_a_picture_a_size_of_0_is_left_to_the_card(upscalers: UpscalerIndex) -> None:
    assert settled(upscalers) == GenerationRequest()


def test_the_parent_of_the_picture_is_the_parent_of_the_result(upscalers: UpscalerIndex) -> None:
    assert settled(upscalers, image="cat").parent == "made"
    assert settled(upscalers, image="cat", parent="other").parent == "other"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"image": "small", "mask": "mask"}, "the mask is 333x64 and its picture 20x20: both must have one size"),
        ({"mask": "mask"}, "a mask needs a picture to lie on"),
        ({"extend_top": 8}, "there is no picture to extend"),
        ({"image": "cat", "hires_scale": 2}, "a second, finer pass is for pictures made from words alone"),
        ({"hires_scale": 2, "hires_upscaler": "Dreamy"}, "no upscaler for pictures called 'Dreamy'"),
        ({"hires_scale": 2, "hires_sampler": "Dreamy"}, "no sampler called 'Dreamy'"),
        ({"hires_scale": 2, "hires_schedule": "soon"}, "no schedule called 'soon'"),
    ],
)
def test_what_does_not_fit_together_is_refused(upscalers: UpscalerIndex, values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        settled(upscalers, **values)


def test_a_checkpoint_that_changes_pictures_needs_one(upscalers: UpscalerIndex) -> None:
    card = replace(NOISE_CARD, input_kind="instruct")
    with pytest.raises(BadRequest, match="noise changes pictures as it is told: it needs one to start from"):
        settled(upscalers, card)
    assert settled(upscalers, card, image="cat").image == "cat"
    assert settled(upscalers, replace(NOISE_CARD, input_kind="inpaint")).image == ""


def test_names_of_a_hires_pass_get_their_own_spelling(upscalers: UpscalerIndex) -> None:
    request = settled(
        upscalers, hires_scale=2, hires_upscaler="latent (BICUBIC)", hires_sampler="euler A", hires_schedule="KARRAS"
    )
    names = (request.hires_upscaler, request.hires_sampler, request.hires_schedule)
    assert names == ("Latent (bicubic)", "Euler a", "karras")
    assert settled(upscalers, hires_scale=2, hires_upscaler="lanczos").hires_upscaler == "Lanczos"


def test_names_of_a_hires_pass_that_is_off_do_not_matter(upscalers: UpscalerIndex) -> None:
    assert settled(upscalers, hires_upscaler="a file I had once").hires_upscaler == "a file I had once"


def upscaled(upscalers: UpscalerIndex, **values: Any) -> UpscaleRequest:
    return settle_upscale(UpscaleRequest("upscale", **{"image": "cat", **values}), INPUTS, upscalers)


def test_a_larger_picture_has_the_parent_of_its_picture_and_listed_names(upscalers: UpscalerIndex) -> None:
    request = upscaled(upscalers, upscaler="LANCZOS", second_upscaler="nearest", second_share=0.5)
    assert (request.upscaler, request.second_upscaler, request.parent) == ("Lanczos", "Nearest", "made")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"image": ""}, "there is no picture to make larger"),
        ({"upscaler": "Dreamy"}, "no upscaler for pictures called 'Dreamy'"),
        ({"upscaler": "Latent"}, "no upscaler for pictures called 'Latent'"),
        ({"second_upscaler": "Dreamy"}, "no upscaler for pictures called 'Dreamy'"),
        ({"image": "wide", "scale": 9 - 1}, "at most 64 million"),
    ],
)
def test_a_picture_that_cannot_be_made_larger_is_refused(
    upscalers: UpscalerIndex, values: dict[str, Any], sentence: str
) -> None:
    inputs = {**INPUTS, "wide": Input("wide", 8000, 7000)}
    with pytest.raises(BadRequest, match=sentence):
        settle_upscale(UpscaleRequest("upscale", **{"image": "cat", **values}), inputs, upscalers)


def test_unknown_upscalers_come_with_the_known_ones(upscalers: UpscalerIndex) -> None:
    with pytest.raises(UnknownName) as refused:
        upscaled(upscalers, upscaler="Dreamy")
    assert "Lanczos" in refused.value.advice


COLOUR = GenerationRequest(style_mode="colour", image="cat", style_images=("small",))


def test_colours_alone_keep_the_pictures_size_and_name_no_checkpoint() -> None:
    request = settle_colours(replace(COLOUR, checkpoint="any"), INPUTS)
    assert (request.width, request.height, request.parent, request.checkpoint) == (333, 64, "made", "")
    assert settle_colours(replace(COLOUR, width=333, height=64), INPUTS) == request


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"width": 64, "height": 64}, "keeps the picture's size, 333x64; got 64x64"),
        ({"mask": "mask"}, "changes the whole picture"),
        ({"extend_left": 8}, "changes the whole picture"),
    ],
)
def test_colours_alone_have_no_other_size_and_no_mask(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        settle_colours(replace(COLOUR, **values), INPUTS)
