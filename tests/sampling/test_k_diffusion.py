"""Our samplers and schedules against numbers made by k-diffusion itself (their provenance is in the JSON file)."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.core.moments import Prediction
from modules.sampling.noise import BrownianNoise, NoiseStream
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import SCHEDULES, Sigmas
from tests.sampling.analytic import mixture
from tests.sampling.test_schedules import LEVELS

torch.set_num_threads(1)

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "k_diffusion.json").read_text("utf-8"))
SIGMAS = Sigmas(tuple(GOLDEN["sigmas"]))
NAMES = pytest.mark.parametrize("name", list(GOLDEN["samplers"]))


def tensor(values: list[float]) -> Tensor:
    return torch.tensor(values).reshape(GOLDEN["shape"])


def golden_noise(name: str) -> Callable[[float, float], Tensor]:
    if name == "DPM++ 2M SDE":
        return BrownianNoise(NoiseStream(GOLDEN["brownian_seeds"], (1, 4, 4), "cpu"), SIGMAS)
    draws = iter(GOLDEN["ancestral_noise"])
    return lambda sigma, sigma_next: tensor(next(draws))


def ran(name: str, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """What the network was shown, and the end."""
    shown: list[Tensor] = []

    def denoise(x: Tensor, sigma: float) -> Prediction:
        shown.append(x)
        return mixture(x, sigma)

    *_, last = SAMPLERS[name].run(denoise, x, SIGMAS, golden_noise(name))
    return shown, last.x


def same(ours: Tensor, theirs: Tensor) -> bool:
    """Equal to a hundred-thousandth of the largest value."""
    return bool((ours - theirs).abs().max() <= 1e-5 * theirs.abs().max())


@NAMES
def test_a_sampler_is_k_diffusion_s(name: str) -> None:
    golden = GOLDEN["samplers"][name]
    shown, end = ran(name, tensor(GOLDEN["x"]))
    assert len(shown) == golden["calls"]
    assert same(shown[1], tensor(golden["second_call_x"]))
    assert same(shown[-1], tensor(golden["last_call_x"]))
    assert same(end, tensor(golden["result"]))


@NAMES
def test_a_sampler_that_starts_elsewhere_is_not(name: str) -> None:
    _, end = ran(name, tensor(GOLDEN["x"]) * 1.001)
    assert not same(end, tensor(GOLDEN["samplers"][name]["result"]))


@NAMES
def test_no_two_samplers_are_k_diffusion_s_same_sampler(name: str) -> None:
    others = [other for other in GOLDEN["samplers"] if other != name]
    _, end = ran(name, tensor(GOLDEN["x"]))
    assert not any(same(end, tensor(GOLDEN["samplers"][other]["result"])) for other in others)


def test_brownian_noise_is_k_diffusion_s() -> None:
    noise = golden_noise("DPM++ 2M SDE")
    for (sigma, sigma_next), golden in zip(pairwise(list(SIGMAS)[:-1]), GOLDEN["brownian_noise"], strict=True):
        assert same(noise(sigma, sigma_next), tensor(golden))


@pytest.mark.parametrize("steps", ["1", "7", "20"])
@pytest.mark.parametrize("name", ["uniform", "karras", "exponential"])
def test_a_schedule_is_k_diffusion_s(name: str, steps: str) -> None:
    golden = GOLDEN["schedules"][steps]
    ours = [*SCHEDULES[name](int(steps), LEVELS), 0.0]
    assert ours == pytest.approx(golden[name], rel=1e-5)
    assert steps == "1" or all(ours != pytest.approx(golden[other], rel=1e-3) for other in golden if other != name)
