"""DDIM backwards: from a finished picture's latents to the noise that a deterministic sampler makes it from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from modules.core.moments import SamplerStep

if TYPE_CHECKING:
    from torch import Tensor

    from modules.sampling.samplers import Denoise

PredictionType = Literal["epsilon", "v_prediction"]


def inverted(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], prediction_type: PredictionType
) -> Iterator[SamplerStep]:
    """Climbs the falling levels `sigmas` (the last one 0) from x, finished latents, to noise of level sigmas[0].

    The network is shown the cleaner latents with the noisier level's time, and its raw output is taken to be the same
    in both (Song, Meng and Ermon 2021, eq. 13 read backwards; as diffusers' DDIMInverseScheduler). Given that output
    each step is the exact inverse of DDIM's: for epsilon a step of Euler, for v a rotation the other way. (diffusers
    0.42 converts v at the cleaner level, which is no inverse.) A step's sigma is the level that was climbed to.
    """
    for index, (low, high) in enumerate(pairwise(reversed(sigmas))):
        shown = restaged(x, low, high)
        prediction = denoise(shown, high)
        noise = (shown - prediction.x0) / high
        if prediction_type == "epsilon":
            x = x + (high - low) * noise
        else:
            x = _turned_back(x, low, high, (noise - high * prediction.x0) / math.hypot(1, high))
        yield SamplerStep(index, high, x, prediction)


def restaged(x: Tensor, low: float, high: float) -> Tensor:
    """x of level low as it must be given to `denoise` at level high, so that the network sees it unchanged.

    A network sees x / sqrt(1 + sigma^2).
    """
    return x * (math.hypot(1, high) / math.hypot(1, low))


def _turned_back(x: Tensor, low: float, high: float, v: Tensor) -> Tensor:
    """Undoes DDIM, which turns (picture, noise) by the angle between the levels (Salimans and Ho 2022, appendix D)."""
    angle = math.atan(high) - math.atan(low)
    seen = x / math.hypot(1, low)
    return (seen + math.sin(angle) * v) / math.cos(angle) * math.hypot(1, high)
