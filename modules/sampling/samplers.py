"""Samplers: generators of steps in plain arithmetic on whatever `x` is (a tensor, an array, a float).

All are in the sigma formulation of k-diffusion (Karras et al. 2022), so the same seed gives the picture A1111 gives:
x = alpha(sigma) * x0 + sigma * noise, where alpha is 1 for diffusion and 1 - sigma for rectified flow. On both paths
the probability-flow ODE is dx/dsigma = (x - x0) / sigma, so deterministic samplers need no alpha. The last sigma
is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from modules.core.moments import SamplerStep
from modules.core.registry import Registry

if TYPE_CHECKING:  # samplers are listed by the front process, which has no torch
    from torch import Tensor

    from modules.core.moments import Prediction
    from modules.sampling.schedules import Sigmas

Denoise = Callable[["Tensor", float], "Prediction"]
"""denoise(x, sigma): the network behind guidance."""

Noise = Callable[[float, float], "Tensor"]
"""noise(sigma_from, sigma_to): unit-variance noise like x for the interval, independent of other intervals."""

Run = Callable[[Denoise, "Tensor", "Sigmas", Noise], Iterator[SamplerStep]]
"""run(denoise, x, sigmas, noise): one SamplerStep per interval of sigmas."""


@dataclass(frozen=True)
class Sampler:
    """A sampler and what the loop must know about it.

    default_schedule: the name in SCHEDULES that "automatic" stands for. order: the error of a finished picture (of
    its mean and variance where noise is added) falls with the order-th power of the number of steps. noise: what it
    asks `noise` for. starts_from: "sigma", noise of that level alone; "unit", as if the data had variance 1 (A1111's
    DDIM).
    """

    run: Run
    default_schedule: str
    order: int
    noise: Literal["none", "ancestral", "brownian"]
    starts_from: Literal["sigma", "unit"]

    def start_scale(self, sigmas: Sigmas) -> float:
        """Unit-variance noise times this is where the sampler begins."""
        first = sigmas[0]
        return first if self.starts_from == "sigma" else math.hypot(sigmas.alpha(first), first)


SAMPLERS: Registry[Sampler] = Registry("sampler")


def sampler(
    name: str,
    schedule: str = "uniform",
    order: int = 1,
    noise: Literal["none", "ancestral", "brownian"] = "none",
    starts_from: Literal["sigma", "unit"] = "sigma",
) -> Callable[[Run], Run]:
    """Puts a function into SAMPLERS, under A1111's name for it."""

    def register(run: Run) -> Run:
        SAMPLERS.add(name, Sampler(run, schedule, order, noise, starts_from))
        return run

    return register


def replay(recorded: Sequence[Prediction], denoise: Denoise) -> Denoise:
    """Answers the first calls from the record and only then asks the network.

    Running a sampler with it resumes exactly after the step whose last call is the last one recorded: the multistep
    history is rebuilt by the sampler itself. The noise must be the same again: give it a fresh `NoiseStream`.
    """
    answers = iter(recorded)

    def replayed(x: Tensor, sigma: float) -> Prediction:
        answer = next(answers, None)
        return denoise(x, sigma) if answer is None else answer

    return replayed


@sampler("Euler")
def euler(denoise: Denoise, x: Tensor, sigmas: Sigmas, noise: Noise) -> Iterator[SamplerStep]:
    """Euler's method on the probability-flow ODE (Karras et al. 2022, algorithm 1 without lines 6-8)."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        prediction = denoise(x, sigma)
        slope = (x - prediction.x0) / sigma
        x = x + (sigma_next - sigma) * slope
        yield SamplerStep(index, sigma, x, prediction)


@sampler("Euler a", noise="ancestral")
def euler_a(denoise: Denoise, x: Tensor, sigmas: Sigmas, noise: Noise) -> Iterator[SamplerStep]:
    """Draws from q(x_next | x, x0) (Song, Meng and Ermon 2021, eq. 12 with sigma from eq. 16 at eta 1), on any path.

    For alpha 1 it is k-diffusion's Euler ancestral: `kept` is its sigma_down, `added` its sigma_up.
    """
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        prediction = denoise(x, sigma)
        alpha, alpha_next = sigmas.alpha(sigma), sigmas.alpha(sigma_next)
        kept = sigma_next * (sigma_next / alpha_next) * (alpha / sigma)  # of the old noise
        added = math.sqrt(sigma_next**2 - kept**2)
        old_noise = (x - alpha * prediction.x0) / sigma
        x = alpha_next * prediction.x0 + kept * old_noise
        if added:
            x = x + added * noise(sigma, sigma_next)
        yield SamplerStep(index, sigma, x, prediction)


@sampler("Heun", order=2)
def heun(denoise: Denoise, x: Tensor, sigmas: Sigmas, noise: Noise) -> Iterator[SamplerStep]:
    """Heun's method (Karras et al. 2022, algorithm 1 with sigma(t) = t): two network calls a step, one on the last.

    The step's prediction is the first call's.
    """
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        prediction = denoise(x, sigma)
        slope = (x - prediction.x0) / sigma
        ahead = x + (sigma_next - sigma) * slope
        if sigma_next > 0:
            slope_ahead = (ahead - denoise(ahead, sigma_next).x0) / sigma_next
            ahead = x + (sigma_next - sigma) * (slope + slope_ahead) / 2
        x = ahead
        yield SamplerStep(index, sigma, x, prediction)


@sampler("DPM++ 2M", schedule="karras", order=2)
def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Sigmas, noise: Noise) -> Iterator[SamplerStep]:
    """DPM-Solver++(2M) (Lu et al. 2022, "DPM-Solver++", algorithm 2) with lambda = -log sigma and alpha = 1.

    The first and the last step are of first order, as in k-diffusion.
    """
    before: Tensor | None = None  # x0 of the previous step
    h_before = 0.0
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        prediction = denoise(x, sigma)
        h = math.log(sigma / sigma_next) if sigma_next > 0 else math.inf
        x0 = prediction.x0
        if before is not None and sigma_next > 0:
            r = h_before / h
            x0 = (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * before
        x = sigma_next / sigma * x - math.expm1(-h) * x0
        before, h_before = prediction.x0, h
        yield SamplerStep(index, sigma, x, prediction)


@sampler("DPM++ 2M SDE", schedule="exponential", order=2, noise="brownian")
def dpmpp_2m_sde(denoise: Denoise, x: Tensor, sigmas: Sigmas, noise: Noise) -> Iterator[SamplerStep]:
    """SDE-DPM-Solver++(2M), midpoint form, eta 1 (Lu et al. 2022, "DPM-Solver++", the solvers for diffusion SDEs).

    lambda = log(alpha / sigma). The first step is of first order and the last returns x0, as in k-diffusion.
    """
    before: Tensor | None = None  # x0 of the previous step
    h_before = 0.0
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        prediction = denoise(x, sigma)
        alpha, alpha_next = sigmas.alpha(sigma), sigmas.alpha(sigma_next)
        shrink = (alpha / sigma) * (sigma_next / alpha_next)  # e^-h
        h = -math.log(shrink) if shrink > 0 else math.inf
        x0 = prediction.x0
        if before is not None and sigma_next > 0:
            r = h_before / h
            x0 = (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * before
        fresh = 1 - shrink**2  # 1 - e^-2h
        x = sigma_next / sigma * shrink * x + alpha_next * fresh * x0
        if sigma_next > 0:
            x = x + sigma_next * math.sqrt(fresh) * noise(sigma, sigma_next)
        before, h_before = prediction.x0, h
        yield SamplerStep(index, sigma, x, prediction)


@sampler("DDIM", schedule="ddim", starts_from="unit")
def ddim(denoise: Denoise, x: Tensor, sigmas: Sigmas, noise: Noise) -> Iterator[SamplerStep]:
    """DDIM with eta 0 (Song, Meng and Ermon 2021, eq. 12, both sides divided by sqrt(alpha_t)).

    On the same sigmas it is Euler's method; what differs is where it starts and its own timesteps.
    """
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        prediction = denoise(x, sigma)
        direction = (x - prediction.x0) / sigma  # the predicted noise
        x = prediction.x0 + sigma_next * direction
        yield SamplerStep(index, sigma, x, prediction)


@sampler("LCM", schedule="sgm_uniform", noise="ancestral")
def lcm(denoise: Denoise, x: Tensor, sigmas: Sigmas, noise: Noise) -> Iterator[SamplerStep]:
    """Multistep consistency sampling (Luo et al. 2023, "Latent Consistency Models", algorithm 3): guess the picture,
    noise it again a little less. For networks that were trained to guess in one step."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        prediction = denoise(x, sigma)
        x = prediction.x0
        if sigma_next > 0:
            x = sigmas.alpha(sigma_next) * x + sigma_next * noise(sigma, sigma_next)
        yield SamplerStep(index, sigma, x, prediction)
