"""What a picture started from, in the text of pictures: A1111's keys both ways, ours beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.core.request import GenerationRequest
from modules.text.infotext import read_infotext, request_from_infotext, write_infotext, write_upscaled

CAT = GenerationRequest(prompt="a cat", sampler="Euler", steps=20, seed=1, width=64, height=64)
PARTS = {"Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "RNG"}


def written(**values: Any) -> dict[str, str]:
    """The keys of a text beyond those of plain txt2img."""
    found = read_infotext(write_infotext(replace(CAT, **values), {})).values
    return {key: value for key, value in found.items() if key not in PARTS}


def read(line: str) -> GenerationRequest:
    return request_from_infotext(f"a cat\nSteps: 20, Seed: 1, Size: 64x64, {line}")[0]


def test_without_a_picture_nothing_is_said_of_a_start() -> None:
    assert written(strength=0.3, mask_blur=9, extend_left=8, hires_upscaler="Lanczos") == {}


def test_img2img_is_told_by_its_strength() -> None:
    assert written(image="x", strength=0.6) == {"Denoising strength": "0.6"}


def test_ids_of_pictures_and_the_parent_stay_out_of_the_text() -> None:
    text = write_infotext(replace(CAT, image="imageid", mask="maskid", parent="parentid", origin="vary"), {})
    assert "id" not in text.replace("width", "") and "vary" not in text


def test_a_mask_is_told_in_a1111s_keys() -> None:
    values = {"mask_blur": 4, "mask_invert": True, "only_masked": True, "mask_padding": 8, "mask_content": "fill"}
    assert written(image="x", mask="y", **values) == {
        "Denoising strength": "0.75",
        "Mask blur": "4",
        "Masked content": "fill",
        "Mask mode": "Inpaint not masked",
        "Inpaint area": "Only masked",
        "Masked area padding": "8",
    }


def test_what_extends_a_picture_is_painted_as_under_a_mask() -> None:
    found = written(image="x", extend_right=8, mask_content="fill")
    assert (found["Extend right"], found["Masked content"]) == ("8", "fill")


def test_a_hires_pass_is_told_in_a1111s_keys() -> None:
    values = {"hires_steps": 9, "hires_sampler": "Heun", "hires_schedule": "karras", "hires_prompt": "a cat, sharp"}
    assert written(hires_scale=1.5, hires_strength=0.5, **values, hires_negative_prompt="blur", hires_cfg_scale=3) == {
        "Denoising strength": "0.5",
        "Hires upscale": "1.5",
        "Hires upscaler": "Latent",
        "Hires steps": "9",
        "Hires sampler": "Heun",
        "Hires prompt": "a cat, sharp",
        "Hires negative prompt": "blur",
        "Hires CFG Scale": "3",
        "Hires schedule type": "Karras",
    }


def test_what_only_we_know_has_keys_of_ours() -> None:
    values = {"exact_steps": True, "resize_mode": "crop", "extend_left": 64, "image_cfg_scale": 2.0}
    assert written(image="x", mask="y", soft_mask=True, mask_grow=-3, **values) == {
        "Denoising strength": "0.75",
        "Resize mode": "crop",
        "Exact steps": "True",
        "Image CFG scale": "2",
        "Extend left": "64",
        "Mask blur": "4",
        "Mask grow": "-3",
        "Soft inpainting": "True",
    }


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("Resize mode: Crop and resize", "resize_mode", "crop"),
        ("Resize mode: Just resize (latent upscale)", "resize_mode", "latent"),
        ("Inpaint area: Whole picture", "only_masked", False),
        ("Mask mode: Inpaint masked", "mask_invert", False),
        ("Masked content: latent nothing", "mask_content", "latent nothing"),
        ("Image CFG scale: 1.2", "image_cfg_scale", 1.2),
        ("Hires upscale: 2, Hires sampler: Use same sampler", "hires_sampler", ""),
        ("Hires upscale: 2, Hires schedule type: Use same scheduler", "hires_schedule", ""),
        ("Hires upscale: 2, Hires schedule type: SGM Uniform", "hires_schedule", "sgm_uniform"),
        ("Hires upscaler: Latent", "hires_scale", 2),
        ("Hires resize: 96x96, Hires upscaler: Latent", "hires_scale", 1.5),
        ("Hires resize: 0x0, Hires upscale: 3", "hires_scale", 3),
    ],
)
def test_a1111s_words_are_understood(line: str, field: str, value: object) -> None:
    assert getattr(read(line), field) == value


@pytest.mark.parametrize("line", ["Hires upscale: 2", "Hires resize: 96x96", "Hires upscaler: Latent"])
def test_the_strength_belongs_to_the_hires_pass_where_there_is_one(line: str) -> None:
    request = read(f"Denoising strength: 0.4, {line}")
    assert (request.hires_strength, request.strength) == (0.4, 0.75)
    assert (read("Denoising strength: 0.4").strength, read("Denoising strength: 0.4").hires_strength) == (0.4, 0.7)


@pytest.mark.parametrize(
    "line", ["Hires resize: 96x200", "Denoising strength: 2", "Masked content: glue", "Extend left: -1"]
)
def test_a_start_that_cannot_be_used_is_left_out_and_named(line: str) -> None:
    _, notes = request_from_infotext(f"a cat\nSteps: 20, Seed: 1, Size: 64x64, {line}")
    assert len(notes) == 1 and "was left out" in notes[0]


def test_what_was_only_noted_is_a_remark() -> None:
    line = "Init image hash: abc, Mask digest: 0123, Painted area: 8x8 at 0 0, Postprocess upscale by: 2"
    assert request_from_infotext(f"a cat\nSteps: 20, Seed: 1, Size: 64x64, {line}")[1] == ()


WORDS = st.text(max_size=20)
MASKED = {
    "mask": st.just("y"),
    "mask_blur": st.floats(0, 64),
    "mask_grow": st.integers(-256, 256),
    "mask_invert": st.booleans(),
    "mask_content": st.sampled_from(["fill", "original", "latent noise", "latent nothing"]),
    "soft_mask": st.booleans(),
}
STARTED: dict[str, st.SearchStrategy[Any]] = {
    "image": st.just("x"),
    "strength": st.floats(0, 1),
    "exact_steps": st.booleans(),
    "resize_mode": st.sampled_from(["stretch", "crop", "fill", "latent"]),
    "image_cfg_scale": st.floats(0, 100),
    **{f"extend_{side}": st.integers(0, 4096) for side in ("left", "top", "right", "bottom")},
    "extend_overlap": st.integers(0, 512),
}
FINER: dict[str, st.SearchStrategy[Any]] = {
    "hires_scale": st.floats(1, 8, exclude_min=True),
    "hires_upscaler": st.sampled_from(["Latent", "4x-UltraSharp", "a, b"]),
    "hires_strength": st.floats(0, 1),
    "hires_steps": st.integers(0, 150),
    "hires_sampler": st.sampled_from(["", "Euler a"]),
    "hires_schedule": st.sampled_from(["", "karras", "sgm_uniform"]),
    "hires_prompt": WORDS,
    "hires_negative_prompt": WORDS,
    "hires_cfg_scale": st.floats(0, 100),
}
ONLY_MASKED = {"only_masked": st.just(True), "mask_padding": st.integers(0, 512)}


@settings(max_examples=120, deadline=None)
@given(
    st.one_of(
        st.fixed_dictionaries(STARTED),
        st.fixed_dictionaries({**STARTED, **MASKED}),
        st.fixed_dictionaries({**STARTED, **MASKED, **ONLY_MASKED}),
        st.fixed_dictionaries(FINER),
    )
)
def test_writing_and_reading_gives_the_same_request_but_for_its_pictures(values: dict[str, Any]) -> None:
    request = replace(CAT, **values)
    text = write_infotext(request, {"Version": "Taffy 0.1.0"})
    assert request_from_infotext(text) == (replace(request, image="", mask=""), ())


# Pictures made larger

DONE = {"Postprocess upscaler": "Lanczos", "Postprocess upscale by": "2", "Source size": "64x64", "Version": "new"}


def test_a_larger_picture_keeps_the_text_of_the_smaller_one() -> None:
    text = write_infotext(CAT, {"Version": "old"})
    larger = write_upscaled(text, DONE)
    assert request_from_infotext(larger) == (CAT, ())
    assert read_infotext(larger).values == {**read_infotext(text).values, **DONE, "Version": "old"}


def test_a_picture_made_larger_twice_tells_of_the_last_time() -> None:
    once = write_upscaled(write_infotext(CAT, {}), DONE)
    twice = write_upscaled(once, DONE | {"Postprocess upscale by": "4"})
    assert read_infotext(twice).values["Postprocess upscale by"] == "4"


def test_without_a_text_only_what_was_done_is_told() -> None:
    assert write_upscaled("", DONE) == (
        "Postprocess upscaler: Lanczos, Postprocess upscale by: 2, Source size: 64x64, Version: new"
    )
    assert read_infotext(write_upscaled("just words", DONE)).prompt == "just words"
