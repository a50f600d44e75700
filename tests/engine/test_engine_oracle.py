"""Changing pictures beside diffusers' own pipelines: same weights, noise, noise levels and mask, the same picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
)

from modules.engine.picture import to_tensor
from modules.sampling.noise import NoiseStream
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import sigmas_for
from tests.checkpoints import SCHEDULER
from tests.engine.conftest import REQUEST, Studio, scene, white

BOX = (16, 8, 40, 32)  # on the grid of the latents
CASES = [("Euler", "uniform"), ("Euler", "karras"), ("DDIM", "ddim")]
OURS: dict[str, Any] = {
    "strength": 0.6,
    "noise_source": "cpu",
    "mask_blur": 0,
}  # 4 of 5 steps, which diffusers calls 0.8
THEIR_STRENGTH = 0.8


def scheduler_of(sampler: str, sigmas: tuple[float, ...]) -> tuple[Any, dict[str, Any]]:
    """diffusers' scheduler, and the argument that makes it visit our noise levels."""
    if sampler == "DDIM":
        scheduler = DDIMScheduler(**SCHEDULER, clip_sample=False, set_alpha_to_one=True, steps_offset=1)
        return scheduler, {"num_inference_steps": REQUEST.steps}
    return EulerDiscreteScheduler(**SCHEDULER, steps_offset=1), {"sigmas": list(sigmas)}


def theirs(studio: Studio, kind: Any, checkpoint: str, case: tuple[str, str], **values: Any) -> np.ndarray:
    """The picture of one of diffusers' pipelines, around our modules."""
    family: Any = studio.family(checkpoint)
    levels = sigmas_for(SAMPLERS[case[0]], case[1], REQUEST.steps, family.noise_levels)
    scheduler, steps = scheduler_of(case[0], levels.values)
    pipeline = kind(
        family.vae, family.text_encoder, None, family.unet, scheduler, None, None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    with torch.inference_mode():
        made = pipeline(
            prompt_embeds=family.encode_prompt(REQUEST.prompt, 1).embeddings,
            negative_prompt_embeds=family.encode_prompt(REQUEST.negative_prompt, 1).embeddings,
            guidance_scale=REQUEST.cfg_scale,
            output_type="np",
            **steps,
            **values,
        )
    return np.asarray(made.images[0] * 255).astype(int)


def encoded(studio: Studio, checkpoint: str, pixels: torch.Tensor | None = None) -> torch.Tensor:
    with torch.inference_mode():
        return studio.family(checkpoint).encode(to_tensor(scene(), "cpu") if pixels is None else pixels).clone()


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(REQUEST.seed)


@pytest.mark.parametrize("case", CASES)
def test_img2img_is_the_pipelines(studio: Studio, case: tuple[str, str]) -> None:
    ours = studio.pictures(scene(), sampler=case[0], schedule=case[1], **OURS)[0]
    weaker = studio.pictures(scene(), sampler=case[0], schedule=case[1], **{**OURS, "strength": 0.4})[0]
    wanted = theirs(
        studio, StableDiffusionImg2ImgPipeline, "tiny", case,
        image=encoded(studio, "tiny"), strength=THEIR_STRENGTH, generator=noise(),
    )  # fmt: skip
    assert np.abs(ours - wanted).max() <= 1
    assert np.abs(weaker - wanted).max() > 1  # the twin that must differ


@pytest.mark.parametrize("case", CASES[::2])
@pytest.mark.parametrize("checkpoint", ["tiny", "inpaint"])
def test_what_is_painted_under_a_mask_is_the_pipelines(studio: Studio, checkpoint: str, case: tuple[str, str]) -> None:
    """diffusers lets an inpainting checkpoint paint outside too; A1111 and we put the picture there at each step."""
    ours = studio.pictures(scene(), white(BOX), checkpoint=checkpoint, sampler=case[0], schedule=case[1], **OURS)[0]
    latents = encoded(studio, checkpoint)
    mask = to_tensor(white(BOX), "cpu")
    unit_noise = torch.randn(latents.shape, generator=noise())

    def keep_outside(pipeline: Any, index: int, timestep: object, tensors: dict[str, Any]) -> dict[str, Any]:
        small = torch.nn.functional.interpolate(mask, latents.shape[-2:])
        times = pipeline.scheduler.timesteps
        position = list(times).index(timestep) + 1
        kept = latents
        if position < len(times):
            kept = pipeline.scheduler.add_noise(latents, unit_noise, times[position : position + 1])
        return {"latents": small * tensors["latents"] + (1 - small) * kept}

    masked = encoded(studio, checkpoint, torch.where(mask > 0.5, 0.5, to_tensor(scene(), "cpu")))
    outside: dict[str, Any] = {"callback_on_step_end": keep_outside} if checkpoint == "inpaint" else {}
    wanted = theirs(
        studio, StableDiffusionInpaintPipeline, checkpoint, case,
        image=latents, mask_image=mask, masked_image_latents=masked, strength=THEIR_STRENGTH,
        width=64, height=48, generator=noise(), **outside,
    )  # fmt: skip
    left, top, right, bottom = BOX
    inside = np.abs(ours - wanted)[top:bottom, left:right]
    assert inside.max() <= 1
    assert np.abs(np.asarray(scene()).astype(int) - wanted)[top:bottom, left:right].max() > 1


def test_an_instruct_checkpoint_is_guided_as_the_pipeline_guides_it(studio: Studio) -> None:
    values: dict[str, Any] = {"checkpoint": "instruct", "sampler": "DDIM", "schedule": "ddim", "strength": 1}
    ours = studio.pictures(scene(), image_cfg_scale=2.5, **values)[0]
    looser = studio.pictures(scene(), image_cfg_scale=1.5, **values)[0]
    family = studio.family("instruct")
    sigma = sigmas_for(SAMPLERS["DDIM"], "ddim", REQUEST.steps, family.noise_levels)[0]
    start = encoded(studio, "instruct") + sigma * NoiseStream([REQUEST.seed], (4, 12, 16), "nv").draw()
    wanted = theirs(
        studio, StableDiffusionInstructPix2PixPipeline, "instruct", ("DDIM", "ddim"),
        image=to_tensor(scene(), "cpu"), image_guidance_scale=2.5, latents=start / (1 + sigma**2) ** 0.5,
    )  # fmt: skip
    assert np.abs(ours - wanted).max() <= 1
    assert np.abs(looser - wanted).max() > 1
