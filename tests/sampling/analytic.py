"""Data whose denoiser and whose exact solutions are known: the judge of every sampler."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modules.core.moments import Prediction
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import Sigmas, diffusion


@dataclass(frozen=True)
class Gaussian:
    """x0 ~ N(mean, deviation^2), seen along a path x = alpha(sigma) x0 + sigma noise."""

    mean: float = 1.5
    deviation: float = 0.7
    alpha: Callable[[float], float] = diffusion

    def spread(self, sigma: float) -> float:
        """Standard deviation of x at sigma."""
        return math.hypot(self.alpha(sigma) * self.deviation, sigma)

    def denoise(self, x: Any, sigma: float) -> Prediction:
        """E[x0 | x]. x may be a vector of loadings on (1, noise 0, noise 1 ...): the mean is then its first."""
        alpha = self.alpha(sigma)
        mean: Any = self.mean if isinstance(x, float) else self.mean * np.eye(len(x))[0]
        return Prediction(mean + alpha * self.deviation**2 / self.spread(sigma) ** 2 * (x - alpha * mean))

    def posterior(self, x: float, sigma: float) -> tuple[float, float]:
        """Mean and deviation of x0 when x was seen at sigma."""
        return float(self.denoise(x, sigma).x0), self.deviation * sigma / self.spread(sigma)

    def flowed(self, x: float, sigma: float) -> float:
        """Where the probability-flow ODE takes x by sigma 0: same place in the distribution."""
        return self.mean + self.deviation * (x - self.alpha(sigma) * self.mean) / self.spread(sigma)


def falling(steps: int, top: float, bottom: float, alpha: Callable[[float], float] = diffusion) -> Sigmas:
    """steps + 1 levels: Karras' from top to bottom, then 0. The bottom is near 0, so that its jump costs nothing."""
    low, high = bottom ** (1 / 7), top ** (1 / 7)
    return Sigmas((*((high + i / (steps - 1) * (low - high)) ** 7 for i in range(steps)), 0.0), alpha)


def solved(name: str, data: Gaussian, sigmas: Sigmas, x: float) -> float:
    """The end of a deterministic sampler that starts at x."""
    start: Any = x
    return [float(step.x) for step in SAMPLERS[name].run(data.denoise, start, sigmas, _no_noise)][-1]


def _no_noise(sigma: float, sigma_next: float) -> Any:
    raise AssertionError("a deterministic sampler asked for noise")


def distribution(name: str, data: Gaussian, sigmas: Sigmas, x: float) -> tuple[float, float]:
    """Exact mean and deviation of what a noise-adding sampler makes of x, no dice thrown.

    On Gaussian data every step is affine, so x is carried as its loadings on 1 and on each independent unit noise.
    """
    one, *units = np.eye(len(sigmas))
    fresh = iter(units)

    def noise(sigma: float, sigma_next: float) -> Any:
        return next(fresh)

    start: Any = x * one
    *_, last = SAMPLERS[name].run(data.denoise, start, sigmas, noise)
    mean, *loadings = np.asarray(last.x)
    return float(mean), float(np.linalg.norm(loadings))


def mixture(x: Tensor, sigma: float) -> Prediction:
    """E[x0 | x] where x0 is -1 or 1, blurred by 0.3: not linear, and the denoiser of k_diffusion.json."""
    blur = 0.09
    return Prediction((blur * x + sigma**2 * torch.tanh(x / (blur + sigma**2))) / (blur + sigma**2))
