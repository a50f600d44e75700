"""Our loop beside diffusers' own pipeline: same weights, same noise, same sampler, the same picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, StableDiffusionPipeline

from modules.core.family import NoiseLevels
from modules.sampling.noise import NoiseStream
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import sigmas_for
from tests.checkpoints import SCHEDULER
from tests.engine.conftest import REQUEST, Studio

SCHEDULERS: dict[str, Any] = {
    "Euler": EulerDiscreteScheduler(**SCHEDULER),
    "DPM++ 2M": DPMSolverMultistepScheduler(**SCHEDULER, algorithm_type="dpmsolver++", final_sigmas_type="zero"),
    "DDIM": DDIMScheduler(**SCHEDULER, clip_sample=False, set_alpha_to_one=True),
}


def theirs(studio: Studio, sampler: str, seed: int) -> np.ndarray:
    """The picture of diffusers' pipeline for REQUEST, given our noise and our sigmas."""
    family: Any = studio.family()
    scheduler = SCHEDULERS[sampler]
    pipeline = StableDiffusionPipeline(
        family.vae, family.text_encoder, None, family.unet, scheduler, None, None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    noise = NoiseStream([seed], family.latent_shape(REQUEST.width, REQUEST.height), "nv").draw()
    made = pipeline(
        prompt_embeds=family.encode_prompt(REQUEST.prompt, 1).embeddings,
        negative_prompt_embeds=family.encode_prompt(REQUEST.negative_prompt, 1).embeddings,
        latents=noise,
        width=REQUEST.width,
        height=REQUEST.height,
        guidance_scale=REQUEST.cfg_scale,
        output_type="np",
        **steps_of(sampler, family.noise_levels),
    )
    return np.asarray(made.images[0] * 255)


def steps_of(sampler: str, levels: NoiseLevels) -> dict[str, Any]:
    """Our sigmas as the pipeline takes them."""
    sigmas = sigmas_for(SAMPLERS[sampler], "automatic", REQUEST.steps, levels)
    if sampler == "DDIM":
        table = np.array(levels.sigmas)
        return {"timesteps": [int(np.abs(table - sigma).argmin()) for sigma in list(sigmas)[:-1]]}
    return {"sigmas": list(sigmas)[:-1]}


@torch.inference_mode()
def difference(studio: Studio, sampler: str, seed: int) -> float:
    """Largest difference in grey levels (0..255) to our picture of REQUEST.seed."""
    ours = studio.pictures(sampler=sampler)[0]
    return float(np.abs(ours - np.floor(theirs(studio, sampler, seed))).max())


@pytest.mark.parametrize("sampler", ["Euler"])
def test_our_picture_is_at_most_one_grey_level_from_the_pipelines(studio: Studio, sampler: str) -> None:
    assert difference(studio, sampler, REQUEST.seed) <= 1


@pytest.mark.parametrize("sampler", ["Euler"])
def test_another_seed_is_further_away_than_that(studio: Studio, sampler: str) -> None:
    assert difference(studio, sampler, REQUEST.seed + 1) > 1
