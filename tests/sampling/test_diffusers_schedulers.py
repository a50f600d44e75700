"""Our samplers against the schedulers of diffusers, where the maths is the same.

diffusers' variance-preserving samples are ours divided by sqrt(1 + sigma^2); its noise prediction is (x - x0) / sigma.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
)
from torch import Tensor

from modules.sampling.noise import NoiseStream
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import Sigmas
from tests.sampling.analytic import mixture

torch.set_num_threads(1)

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
STEPS = 12


def draws() -> Iterator[Tensor]:
    stream = NoiseStream((42,), (4, 8, 8), "cpu")
    while True:
        yield stream.draw()


def ours(name: str, sigmas: Sigmas) -> Tensor:
    noise = draws()
    x = next(noise) * SAMPLERS[name].start_scale(sigmas)
    *_, last = SAMPLERS[name].run(mixture, x, sigmas, lambda sigma, sigma_next: next(noise))
    return last.x


def theirs(scheduler: Any, sigmas: Sigmas, x: Tensor, preserving: bool = False) -> Tensor:
    """Runs a scheduler from x. preserving: its samples are variance-preserving."""
    for timestep, sigma in zip(scheduler.timesteps, sigmas, strict=False):
        scheduler.scale_model_input(x, timestep)
        exploding = x * math.hypot(1, sigma) if preserving else x
        epsilon = (exploding - mixture(exploding, sigma).x0) / sigma
        x = scheduler.step(epsilon, timestep, x).prev_sample
    return x


def sigmas_of(scheduler: Any) -> Sigmas:
    scheduler.set_timesteps(STEPS)
    return Sigmas(tuple(float(sigma) for sigma in scheduler.sigmas))


def close(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() < 2e-4)


@pytest.mark.parametrize("karras", [False, True])
def test_euler_is_diffusers_s(karras: bool) -> None:
    scheduler: Any = EulerDiscreteScheduler(**BETAS, use_karras_sigmas=karras)
    sigmas = sigmas_of(scheduler)
    end = theirs(scheduler, sigmas, next(draws()) * sigmas[0])
    assert close(ours("Euler", sigmas), end)
    assert not close(ours("Heun", sigmas), end)


def test_euler_a_is_diffusers_s(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler: Any = EulerAncestralDiscreteScheduler(**BETAS)
    sigmas, noise = sigmas_of(scheduler), draws()
    start = next(noise) * sigmas[0]
    monkeypatch.setattr(
        "diffusers.schedulers.scheduling_euler_ancestral_discrete.randn_tensor", lambda *s, **o: next(noise)
    )
    end = theirs(scheduler, sigmas, start)
    assert close(ours("Euler a", sigmas), end)
    assert not close(ours("Euler", sigmas), end)


def test_ddim_is_diffusers_s() -> None:
    scheduler: Any = DDIMScheduler(**BETAS, clip_sample=False, steps_offset=1)
    scheduler.set_timesteps(STEPS)
    signal = scheduler.alphas_cumprod[scheduler.timesteps]
    sigmas = Sigmas((*((1 - signal) / signal).sqrt().tolist(), 0.0))
    end = theirs(scheduler, sigmas, next(draws()), preserving=True)
    assert close(ours("DDIM", sigmas), end)
    assert not close(ours("Euler", sigmas), end)  # it starts from other latents


def test_dpmpp_2m_is_diffusers_s() -> None:
    scheduler: Any = DPMSolverMultistepScheduler(**BETAS, use_karras_sigmas=True)
    sigmas = sigmas_of(scheduler)
    end = theirs(scheduler, sigmas, next(draws()) * sigmas[0] / math.hypot(1, sigmas[0]), preserving=True)
    assert close(ours("DPM++ 2M", sigmas), end)
    assert not close(ours("Euler", sigmas), end)


def test_dpmpp_2m_sde_is_diffusers_s(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler: Any = DPMSolverMultistepScheduler(**BETAS, use_karras_sigmas=True, algorithm_type="sde-dpmsolver++")
    sigmas, noise = sigmas_of(scheduler), draws()
    start = next(noise) * sigmas[0] / math.hypot(1, sigmas[0])
    monkeypatch.setattr("diffusers.schedulers.scheduling_dpmsolver_multistep.randn_tensor", lambda *s, **o: next(noise))
    end = theirs(scheduler, sigmas, start, preserving=True)
    assert close(ours("DPM++ 2M SDE", sigmas), end)
    assert not close(ours("DPM++ 2M", sigmas), end)
