"""Every sampler against exact solutions, resumed anywhere, closed anywhere."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from modules.core.moments import Prediction, SamplerStep
from modules.sampling.noise import NoiseStream, noise_function
from modules.sampling.samplers import SAMPLERS, Denoise, replay
from modules.sampling.schedules import Sigmas, diffusion, flow
from tests.sampling.analytic import Gaussian, distribution, falling, mixture, solved

torch.set_num_threads(1)

DETERMINISTIC = [name for name in SAMPLERS if SAMPLERS[name].noise == "none"]
STOCHASTIC = [name for name in SAMPLERS if SAMPLERS[name].noise != "none" and name != "LCM"]  # it needs other networks
SIGMAS = falling(9, 14.6, 0.03)


class Counted:
    """A denoiser that keeps what it answered."""

    def __init__(self, denoise: Denoise = mixture) -> None:
        self.answers: list[Prediction] = []
        self._denoise = denoise

    def __call__(self, x: Tensor, sigma: float) -> Prediction:
        self.answers.append(self._denoise(x, sigma))
        return self.answers[-1]


def steps_of(name: str, denoise: Denoise, sigmas: Sigmas = SIGMAS) -> list[SamplerStep]:
    """A whole run on two tiny pictures, with everything that depends on the seeds made anew."""
    sampler = SAMPLERS[name]
    stream = NoiseStream((42, 43), (1, 4, 4), "cpu")
    x = stream.draw() * sampler.start_scale(sigmas)
    return list(sampler.run(denoise, x, sigmas, noise_function(sampler, stream, sigmas)))


@pytest.mark.parametrize(("alpha", "top"), [(diffusion, 10.0), (flow, 1.0)])
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_the_error_on_a_gaussian_falls_with_the_sampler_s_order(
    name: str, alpha: Callable[[float], float], top: float
) -> None:
    data = Gaussian(alpha=alpha)
    exact = data.flowed(2.7, top)
    coarse, fine = (abs(solved(name, data, falling(n, top, 1e-5, alpha), 2.7) - exact) for n in (80, 160))
    assert math.log2(coarse / fine) == pytest.approx(SAMPLERS[name].order, abs=0.1)


@pytest.mark.parametrize(("alpha", "top"), [(diffusion, 10.0), (diffusion, 1.0), (flow, 1.0), (flow, 0.6)])
@pytest.mark.parametrize("name", STOCHASTIC)
def test_samplers_with_noise_draw_from_the_posterior_of_a_gaussian(
    name: str, alpha: Callable[[float], float], top: float
) -> None:
    data = Gaussian(alpha=alpha)
    exact_mean, exact_deviation = data.posterior(2.7, top)
    found = [distribution(name, data, falling(n, top, 1e-5, alpha), 2.7) for n in (80, 160)]
    coarse, fine = (abs(deviation - exact_deviation) for _, deviation in found)
    assert [mean for mean, _ in found] == pytest.approx([exact_mean] * 2)
    assert fine < 0.03
    assert math.log2(coarse / fine) > SAMPLERS[name].order - 0.1


@pytest.mark.parametrize("name", STOCHASTIC)
def test_the_diffusion_form_of_a_sampler_with_noise_is_wrong_on_a_flow(name: str) -> None:
    data = Gaussian(alpha=flow)
    right = Sigmas(tuple(1 - i / 400 for i in range(401)), flow)
    _, deviation = distribution(name, data, right, 2.7)
    _, wrong = distribution(name, data, replace(right, alpha=diffusion), 2.7)
    assert deviation**2 == pytest.approx(data.deviation**2, rel=0.02)
    assert wrong**2 > 1.8 * data.deviation**2


@pytest.mark.parametrize("name", STOCHASTIC)
def test_many_pictures_from_real_noise_have_the_mean_and_the_variance_of_the_data(name: str) -> None:
    data, sampler = Gaussian(), SAMPLERS[name]
    sigmas = falling(30, 14.6, 0.03)
    stream = NoiseStream(range(4), (1, 64, 64), "nv")
    x = stream.draw() * sampler.start_scale(sigmas)

    def denoise(x: Tensor, sigma: float) -> Prediction:
        gain = data.deviation**2 / data.spread(sigma) ** 2
        return Prediction(data.mean + gain * (x - data.mean))

    *_, last = sampler.run(denoise, x, sigmas, noise_function(sampler, stream, sigmas))
    expected_mean, expected = distribution(name, data, sigmas, 0.0)  # its start is known: hardly matters from 14.6
    deviations_of_a_mean = expected / math.sqrt(last.x.numel())
    assert float(last.x.mean()) == pytest.approx(expected_mean, abs=5 * deviations_of_a_mean)
    assert float(last.x.std()) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("steps", [2, 4])
def test_lcm_gives_the_data_s_variance_with_a_network_that_guesses_the_end_of_the_way(steps: int) -> None:
    data, sigmas = Gaussian(), falling(steps, 14.6, 0.5)
    stream = NoiseStream(range(4), (1, 64, 64), "nv")

    def guess(x: Tensor, sigma: float) -> Prediction:
        return Prediction(data.mean + data.deviation / data.spread(sigma) * (x - data.mean))

    x = data.mean + stream.draw() * data.spread(14.6)
    *_, last = SAMPLERS["LCM"].run(guess, x, sigmas, noise_function(SAMPLERS["LCM"], stream, sigmas))
    assert float(last.x.std()) == pytest.approx(data.deviation, rel=0.03)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_run_resumed_after_any_step_is_bit_equal(name: str) -> None:
    network = Counted()
    whole = steps_of(name, network)
    for calls in range(len(network.answers) + 1):
        rest = Counted()
        resumed = steps_of(name, replay(network.answers[:calls], rest))
        assert len(rest.answers) == len(network.answers) - calls
        assert all(torch.equal(a.x, b.x) for a, b in zip(whole, resumed, strict=True))


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_run_resumed_from_a_changed_record_differs(name: str) -> None:
    network = Counted()
    whole = steps_of(name, network)
    changed = [*network.answers[:3], Prediction(network.answers[3].x0 + 1e-3)]
    assert not torch.equal(steps_of(name, replay(changed, mixture))[-1].x, whole[-1].x)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_closing_a_run_asks_the_network_no_more(name: str) -> None:
    network, sampler = Counted(), SAMPLERS[name]
    stream = NoiseStream((1,), (1, 4, 4), "nv")
    run: Any = sampler.run(network, stream.draw(), SIGMAS, noise_function(sampler, stream, SIGMAS))
    next(run), next(run)
    asked = len(network.answers)
    run.close()
    assert len(network.answers) == asked
    assert next(run, None) is None


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_step_tells_its_index_its_sigma_and_its_first_prediction(name: str) -> None:
    network = Counted()
    steps = steps_of(name, network)
    assert [step.index for step in steps] == list(range(9))
    assert [step.sigma for step in steps] == list(SIGMAS)[:-1]
    assert steps[0].prediction is network.answers[0]


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_the_last_step_ends_at_its_prediction(name: str) -> None:
    *_, last = steps_of(name, mixture)
    assert torch.allclose(last.x, last.prediction.x0, atol=1e-6)


def test_heun_asks_twice_a_step_but_once_on_the_last() -> None:
    network = Counted()
    steps_of("Heun", network)
    assert len(network.answers) == 2 * 9 - 1


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "Heun"])
def test_the_others_ask_once_a_step(name: str) -> None:
    network = Counted()
    steps_of(name, network)
    assert len(network.answers) == 9


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_the_starting_latents_are_left_as_they_were(name: str) -> None:
    x = NoiseStream((7,), (1, 4, 4), "nv").draw()
    before = x.clone()
    list(SAMPLERS[name].run(mixture, x, SIGMAS, lambda sigma, sigma_next: torch.ones_like(x)))
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_floats_arrays_and_tensors_take_the_same_way(name: str) -> None:
    def denoise(x: Any, sigma: float) -> Prediction:
        return Prediction(x / (1 + sigma**2) + 0.3)

    def end(x: Any) -> float:
        *_, last = SAMPLERS[name].run(denoise, x, SIGMAS, lambda sigma, sigma_next: x)
        return float(last.x)

    assert end(3.0) == end(np.float64(3.0)) == end(torch.tensor(3.0, dtype=torch.float64))


def test_ddim_starts_as_if_the_data_had_variance_one() -> None:
    assert SAMPLERS["DDIM"].start_scale(Sigmas((2.0, 0.0))) == pytest.approx(math.sqrt(5))
    assert SAMPLERS["Euler"].start_scale(Sigmas((2.0, 0.0))) == 2


def test_every_sampler_starts_a_flow_from_the_noise_itself() -> None:
    assert all(SAMPLERS[name].start_scale(Sigmas((1.0, 0.0), flow)) == 1 for name in SAMPLERS)


def test_samplers_schedules_and_noise_are_listed_without_torch() -> None:
    code = (
        "import sys; import modules.sampling.noise; from modules.sampling.samplers import SAMPLERS;"
        "from modules.sampling.schedules import SCHEDULES; assert len(SAMPLERS) and len(SCHEDULES);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
