"""A picture in the fewest lines: one family, one sampler, guidance; what the engine does, without the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from modules.core.moments import Prediction, SamplerStep
from modules.core.request import GenerationRequest
from modules.families.unet.family import UnetFamily
from modules.sampling.noise import NoiseStream, noise_function
from modules.sampling.samplers import SAMPLERS, Denoise, replay
from modules.sampling.schedules import sigmas_for

REQUEST = GenerationRequest(
    prompt="a (cat:1.2), one", negative_prompt="rocket", sampler="Euler", schedule="karras",
    width=64, height=48, steps=3, seed=3, cfg_scale=4,
)  # fmt: skip


def guided(family: UnetFamily, request: GenerationRequest = REQUEST) -> Denoise:
    cond = family.encode_prompt(request.prompt, request.clip_skip)
    uncond = family.encode_prompt(request.negative_prompt, request.clip_skip, negative=True)

    def denoise(x: Tensor, sigma: float) -> Prediction:
        without = family.denoise(x, sigma, uncond)
        return Prediction(without + request.cfg_scale * (family.denoise(x, sigma, cond) - without), without)

    return denoise


def steps(
    family: UnetFamily,
    request: GenerationRequest = REQUEST,
    seeds: Sequence[int] = (3,),
    recorded: Sequence[Prediction] = (),
) -> Iterator[SamplerStep]:
    sampler = SAMPLERS[request.sampler]
    sigmas = sigmas_for(sampler, request.schedule, request.steps, family.noise_levels)
    stream = NoiseStream(seeds, family.latent_shape(request.width, request.height), "nv")
    x = stream.draw() * sampler.start_scale(sigmas)
    denoise = replay(recorded, guided(family, request))
    return sampler.run(denoise, x, sigmas, noise_function(sampler, stream, sigmas))


def latents(family: UnetFamily, request: GenerationRequest = REQUEST, seeds: Sequence[int] = (3,)) -> Tensor:
    return [step.x for step in steps(family, request, seeds)][-1]


def picture(family: UnetFamily, request: GenerationRequest = REQUEST) -> np.ndarray:
    """(height, width, 3) levels."""
    pixels = family.decode(latents(family, request))[0].permute(1, 2, 0)
    return np.asarray(pixels * 255).astype(int)
