"""Where a pass starts: A1111's rule of steps, the noise of the strength, what strength 0 is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from modules.core.errors import BadRequest
from modules.core.events import Stepped
from modules.engine.finish import decode_picture
from modules.engine.picture import to_tensor
from modules.engine.plan import plan
from modules.engine.start import begin, planned
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import sigmas_for
from tests.engine.conftest import REQUEST, Studio, png, scene


@pytest.mark.parametrize(
    ("steps", "strength", "run"),
    [(20, 0.75, 16), (20, 0.5, 11), (20, 1, 20), (20, 0.05, 2), (20, 0.04, 1), (150, 1, 150), (10, 0.29, 3), (1, 1, 1)],
)
def test_the_steps_that_run_are_a1111s(steps: int, strength: float, run: int) -> None:
    assert planned(steps, strength, exact=False) == (steps, run)


@pytest.mark.parametrize(("strength", "whole"), [(1, 20), (0.75, 26), (0.5, 40), (0.1, 200)])
def test_exact_steps_are_the_end_of_a_longer_schedule(strength: float, whole: int) -> None:
    assert planned(20, strength, exact=True) == (whole, 20)


@pytest.mark.parametrize("exact", [True, False])
def test_strength_0_runs_no_step(exact: bool) -> None:
    assert planned(20, 0, exact) == (20, 0)


def test_strength_0_is_the_vaes_round_trip_exactly(studio: Studio) -> None:
    family = studio.family()
    with torch.inference_mode():
        wanted = decode_picture(family, family.encode(to_tensor(scene(), "cpu")))
    events = studio.events(scene(), strength=0)
    assert np.array_equal(studio.pictures(scene(), strength=0)[0], np.asarray(wanted))
    assert not any(isinstance(event, Stepped) for event in events)


def test_the_number_of_steps_that_is_told_is_the_number_that_runs(studio: Studio) -> None:
    told = [(event.step, event.steps) for event in studio.events(scene(), strength=0.6) if isinstance(event, Stepped)]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_sampler_starts_from_the_picture_under_the_noise_of_its_first_level(studio: Studio, name: str) -> None:
    family = studio.family()
    request = replace(REQUEST, image="image", sampler=name, strength=0.5)
    run = plan(family, request, {"image": png(scene())}).passes[0]
    with torch.inference_mode():
        noise = begin(family, replace(run, origin=None), [3], 0).x / SAMPLERS[name].start_scale(run.sigmas)
        start = begin(family, run, [3], 0)
        latents = family.encode(to_tensor(scene(), "cpu"))
    levels = sigmas_for(SAMPLERS[name], "automatic", REQUEST.steps, family.noise_levels)
    assert run.sigmas.values == levels.values[2:]
    assert torch.allclose(start.x, latents + levels[2] * noise, atol=1e-4)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_less_strength_keeps_more_of_the_picture(studio: Studio, name: str) -> None:
    values: dict[str, Any] = {"sampler": name, "steps": 3, "cfg_scale": 1}
    kept, little, much = (studio.pictures(scene(), strength=s, **values)[0] for s in (0, 0.05, 1))
    assert 0 < np.abs(little - kept).mean() < np.abs(much - kept).mean()


def test_more_exact_steps_than_the_checkpoint_has_noise_levels_are_refused(studio: Studio) -> None:
    with pytest.raises(BadRequest, match="exactly 5 steps at strength 0"):
        studio.events(scene(), strength=0.001, exact_steps=True)


def test_a_batch_of_changed_pictures_is_the_same_as_one_at_a_time(studio: Studio) -> None:
    together = studio.pictures(scene(), strength=0.6, count=3, batch_size=2, sampler="Euler a")
    alone = [studio.pictures(scene(), strength=0.6, seed=REQUEST.seed + i, sampler="Euler a")[0] for i in range(3)]
    assert all(np.abs(a - b).max() <= 1 for a, b in zip(together, alone, strict=True))
    assert not np.array_equal(alone[0], alone[1])


def test_a_prompt_schedule_counts_the_steps_that_run(studio: Studio) -> None:
    """Of 4 steps, fraction 0.5 is step 2; A1111 would count the 5 of the whole schedule."""
    half = studio.pictures(scene(), strength=0.6, prompt="a [cat:rocket:0.5]")[0]
    assert np.array_equal(half, studio.pictures(scene(), strength=0.6, prompt="a [cat:rocket:2]")[0])
    assert not np.array_equal(half, studio.pictures(scene(), strength=0.6, prompt="a [cat:rocket:3]")[0])


def test_tiling_reaches_the_picture_too(studio: Studio) -> None:
    seamless = studio.pictures(scene(), strength=0, tiling=True)[0]
    assert not np.array_equal(seamless, studio.pictures(scene(), strength=0)[0])
