"""Our loop beside diffusers' own pipeline: same weights, same noise, same sampler, the same picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from diffusers import DDIMScheduler, EulerDiscreteScheduler, StableDiffusionPipeline

from modules.sampling.noise import NoiseStream
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import sigmas_for
from tests.checkpoints import SCHEDULER
from tests.engine.conftest import REQUEST, Studio

CASES = [("Euler", "uniform"), ("Euler", "karras"), ("Euler", "exponential"), ("DDIM", "ddim")]


def theirs(studio: Studio, sampler: str, schedule: str) -> np.ndarray:
    """The picture of diffusers' pipeline for REQUEST, given our noise, prompts and sigmas."""
    family: Any = studio.family()
    sigmas = sigmas_for(SAMPLERS[sampler], schedule, REQUEST.steps, family.noise_levels)
    if sampler == "DDIM":  # its own timesteps are the same as ours where the steps divide 1000
        scheduler = DDIMScheduler(**SCHEDULER, clip_sample=False, set_alpha_to_one=True, steps_offset=1)
        steps: dict[str, Any] = {"num_inference_steps": REQUEST.steps}
    else:
        scheduler, steps = EulerDiscreteScheduler(**SCHEDULER, steps_offset=1), {"sigmas": list(sigmas)}
    pipeline = StableDiffusionPipeline(
        family.vae, family.text_encoder, None, family.unet, scheduler, None, None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        prompt_embeds=family.encode_prompt(REQUEST.prompt, 1).embeddings,
        negative_prompt_embeds=family.encode_prompt(REQUEST.negative_prompt, 1).embeddings,
        latents=NoiseStream([REQUEST.seed], family.latent_shape(REQUEST.width, REQUEST.height), "nv").draw(),
        width=REQUEST.width,
        height=REQUEST.height,
        guidance_scale=REQUEST.cfg_scale,
        output_type="np",
        **steps,
    )
    return np.asarray(made.images[0] * 255).astype(int)


@pytest.mark.parametrize(("sampler", "schedule"), CASES)
def test_our_picture_is_at_most_one_grey_level_from_the_pipelines(studio: Studio, sampler: str, schedule: str) -> None:
    ours = studio.pictures(sampler=sampler, schedule=schedule)[0]
    other_seed = studio.pictures(sampler=sampler, schedule=schedule, seed=REQUEST.seed + 1)[0]
    wanted = theirs(studio, sampler, schedule)
    assert np.abs(ours - wanted).max() <= 1
    assert np.abs(other_seed - wanted).max() > 1  # the twin that must differ
