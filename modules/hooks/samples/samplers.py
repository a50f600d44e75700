"""A sampler that walks straight to each step's estimate."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from modules.hooks import NewSampler, SamplerStep, hookimpl


def straight(denoise: Any, x: Any, sigmas: Any, noise: Any) -> Iterator[SamplerStep]:
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        prediction = denoise(x, sigma)
        x = prediction.x0 + sigma_next / sigma * (x - prediction.x0)
        yield SamplerStep(index, sigma, x, prediction)


@hookimpl
def samplers() -> dict[str, NewSampler]:
    return {"Straight": NewSampler(straight, default_schedule="karras")}
