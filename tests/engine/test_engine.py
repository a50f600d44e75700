"""The loop as a whole, on real networks at tiny size."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from modules.core.errors import NotANumber
from modules.core.events import Finished, Loaded, PictureMade, Stepped
from modules.core.moments import StepState
from modules.core.request import GenerationRequest
from modules.hooks import hookimpl
from modules.sampling.samplers import SAMPLERS
from tests.engine.conftest import REQUEST, Studio


def test_a_job_is_loaded_stepped_made_and_finished_in_that_order(studio: Studio) -> None:
    kinds = list(dict.fromkeys(type(event) for event in studio.events()))
    assert [kind for kind in kinds if kind is not type(studio.events()[0])][-3:] == [Stepped, PictureMade, Finished]
    assert any(isinstance(event, Loaded) for event in studio.events())


def test_picture_i_of_a_job_is_the_picture_of_seed_plus_i(studio: Studio) -> None:
    together = studio.pictures(count=3)
    alone = studio.pictures(seed=REQUEST.seed + 2)
    assert np.array_equal(together[2], alone[0])
    assert not np.array_equal(together[1], alone[0])


def test_a_batch_makes_the_same_pictures_as_one_at_a_time(studio: Studio) -> None:
    batch, single = studio.pictures(count=3, batch_size=2), studio.pictures(count=3)
    assert all(np.abs(a - b).max() <= 1 for a, b in zip(batch, single, strict=True))


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_sampler_makes_a_picture_that_depends_on_the_prompt(studio: Studio, name: str) -> None:
    cat, rocket = studio.pictures(sampler=name)[0], studio.pictures(sampler=name, prompt="rocket")[0]
    assert cat.shape == (48, 64, 3)
    assert not np.array_equal(cat, rocket)


def test_cfg_1_leaves_the_negative_prompt_without_effect(studio: Studio) -> None:
    same = studio.pictures(cfg_scale=1, negative_prompt="rocket")[0], studio.pictures(cfg_scale=1)[0]
    other = studio.pictures(negative_prompt="a rocket on the moon")[0], studio.pictures()[0]
    assert np.array_equal(*same)
    assert not np.array_equal(*other)


def test_two_equal_parts_of_half_weight_are_one_prompt(studio: Studio) -> None:
    parts, whole = studio.pictures(prompt="a cat :0.5 AND a cat :0.5")[0], studio.pictures(prompt="a cat")[0]
    assert np.abs(parts - whole).max() <= 1


def test_a_schedule_that_changes_late_gives_another_picture_than_none(studio: Studio) -> None:
    late, never = studio.pictures(prompt="a [cat:rocket:3]")[0], studio.pictures(prompt="a cat")[0]
    assert not np.array_equal(late, never)


def test_closing_the_stream_releases_the_job_but_not_the_checkpoint(studio: Studio) -> None:
    events = studio.engine.generate("job", replace(REQUEST, steps=100), {})
    latents: list[weakref.ref[torch.Tensor]] = []

    class Watcher:
        @hookimpl
        def after_step(self, state: StepState) -> None:
            latents.append(weakref.ref(state.x))

    studio.host.register(Watcher(), "watcher")
    next(event for event in events if isinstance(event, Stepped))
    events.close()  # type: ignore[attr-defined]
    gc.collect()
    assert latents
    assert all(latent() is None for latent in latents)
    assert studio.manager.current is not None


def test_the_stream_leaves_no_inference_mode_behind(studio: Studio) -> None:
    events = studio.engine.generate("job", REQUEST, {})
    next(event for event in events if isinstance(event, Stepped))
    assert not torch.is_inference_mode_enabled()


def test_nan_is_explained_and_no_picture_is_made(studio: Studio) -> None:
    class Poison:
        @hookimpl
        def before_predict(self, state: StepState) -> StepState | None:
            return replace(state, x=state.x * float("nan")) if state.step == 2 else None

    studio.host.register(Poison(), "poison")
    with pytest.raises(NotANumber, match="step 3 of 5"):
        studio.events()


def test_a_moment_can_change_the_prediction(studio: Studio) -> None:
    plain = studio.pictures()[0]

    class Halve:
        @hookimpl
        def after_predict(self, state: StepState) -> StepState:
            assert state.prediction is not None
            return replace(state, prediction=replace(state.prediction, x0=state.prediction.x0 / 2))

    studio.host.register(Halve(), "halve")
    assert not np.array_equal(studio.pictures()[0], plain)


def test_a_finished_picture_can_be_changed(studio: Studio) -> None:
    plain = studio.pictures()[0]

    class Invert:
        @hookimpl
        def after_decode(self, image: Image.Image, request: GenerationRequest) -> Image.Image:
            return ImageOps.invert(image)

    studio.host.register(Invert(), "invert")
    assert np.array_equal(studio.pictures()[0], 255 - plain)


def test_a_prompt_longer_than_a_window_is_heard_to_its_end(studio: Studio) -> None:
    long = "cat, " * 60
    a, b = studio.pictures(prompt=long + "rocket")[0], studio.pictures(prompt=long + "moon")[0]
    assert not np.array_equal(a, b)


def test_noise_of_the_cpu_generator_gives_another_picture_than_nv(studio: Studio, tmp_path: Path) -> None:
    assert not np.array_equal(studio.pictures(noise_source="cpu")[0], studio.pictures(noise_source="nv")[0])


def test_a_picture_that_an_extension_left_with_transparency_is_handed_over_as_rgb(studio: Studio) -> None:
    class Alpha:
        @hookimpl
        def after_decode(self, image: Image.Image, request: GenerationRequest) -> Image.Image:
            return image.convert("RGBA")

    plain = studio.pictures()[0]
    studio.host.register(Alpha(), "alpha")
    assert np.array_equal(studio.pictures()[0], plain)
