"""Which noise levels are visited: exactly as many as asked for, at A1111's places."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from modules.core.errors import UnknownName
from modules.core.family import NoiseLevels
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import SCHEDULES, Sigmas, diffusion, flow, sigmas_for


def stable_diffusion() -> NoiseLevels:
    """SD 1.x: scaled-linear betas, 0.00085 to 0.012, 1000 timesteps."""
    signal, sigmas = 1.0, []
    for t in range(1000):
        beta = (0.00085**0.5 + t / 999 * (0.012**0.5 - 0.00085**0.5)) ** 2
        signal *= 1 - beta
        sigmas.append(math.sqrt((1 - signal) / signal))
    return NoiseLevels(tuple(sigmas))


LEVELS = stable_diffusion()


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 20, 28, 30, 64, 149, 150])
@pytest.mark.parametrize("name", list(SCHEDULES))
def test_a_run_of_n_steps_has_n_falling_levels_and_ends_at_zero(name: str, steps: int) -> None:
    sigmas = sigmas_for(SAMPLERS["Euler"], name, steps, LEVELS)
    assert len(sigmas) == steps + 1
    assert all(sigma > sigma_next for sigma, sigma_next in pairwise(sigmas))
    assert sigmas[-1] == 0.0
    assert LEVELS.sigma_min * 0.999999 <= sigmas[-2] <= sigmas[0] <= LEVELS.sigma_max * 1.000001


@pytest.mark.parametrize("name", ["uniform", "karras", "exponential"])
def test_these_schedules_reach_from_the_noisiest_to_the_cleanest_level(name: str) -> None:
    sigmas = sigmas_for(SAMPLERS["Euler"], name, 20, LEVELS)
    assert (sigmas[0], sigmas[-2]) == pytest.approx((LEVELS.sigma_max, LEVELS.sigma_min))


def test_simple_takes_every_nth_level() -> None:
    sigmas = sigmas_for(SAMPLERS["Euler"], "simple", 20, LEVELS)
    assert list(sigmas)[:-1] == [LEVELS.sigmas[t] for t in range(999, -1, -50)]


def test_sgm_uniform_stops_a_whole_step_before_the_cleanest_level() -> None:
    first, second, third, fourth, _ = sigmas_for(SAMPLERS["Euler"], "sgm_uniform", 4, LEVELS)
    assert first == pytest.approx(LEVELS.sigma_max)
    assert LEVELS.sigmas[749] < second < LEVELS.sigmas[750]
    assert LEVELS.sigmas[499] < third < LEVELS.sigmas[500]
    assert LEVELS.sigmas[249] < fourth < LEVELS.sigmas[250]


def test_ddim_has_the_timesteps_of_a1111_where_steps_divide_a_thousand() -> None:
    sigmas = sigmas_for(SAMPLERS["DDIM"], "automatic", 20, LEVELS)
    assert list(sigmas)[:-1] == [LEVELS.sigmas[t] for t in range(951, 0, -50)]


def test_ddim_spreads_other_numbers_of_steps_evenly() -> None:
    sigmas = sigmas_for(SAMPLERS["DDIM"], "ddim", 30, LEVELS)
    timesteps = [LEVELS.sigmas.index(sigma) for sigma in list(sigmas)[:-1]]
    assert timesteps[-1] == 1
    assert {high - low for high, low in pairwise(timesteps)} == {33, 34}


@pytest.mark.parametrize(
    ("sampler", "schedule"),
    [
        ("Euler", "uniform"),
        ("Euler a", "uniform"),
        ("Heun", "uniform"),
        ("DPM++ 2M", "karras"),
        ("DPM++ 2M SDE", "exponential"),
        ("DDIM", "ddim"),
        ("LCM", "sgm_uniform"),
    ],
)
def test_automatic_is_the_sampler_s_own_schedule(sampler: str, schedule: str) -> None:
    own = sigmas_for(SAMPLERS[sampler], "Automatic", 9, LEVELS)
    assert own == sigmas_for(SAMPLERS[sampler], schedule, 9, LEVELS)
    assert own != sigmas_for(SAMPLERS[sampler], "simple", 9, LEVELS)


def test_an_unknown_schedule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="no schedule called 'kerras'") as refused:
        sigmas_for(SAMPLERS["Euler"], "kerras", 9, LEVELS)
    assert "karras" in refused.value.advice


def test_every_sampler_s_own_schedule_exists() -> None:
    assert all(SAMPLERS[name].default_schedule in SCHEDULES for name in SAMPLERS)


def test_sigmas_carry_how_much_of_the_picture_is_left() -> None:
    assert Sigmas((1.0, 0.25, 0.0)).alpha is diffusion
    assert Sigmas((1.0, 0.25, 0.0), flow).alpha(0.25) == 0.75
