"""diffusers' own pipelines over the networks of a tiny checkpoint, with CLIP's tokenizer and our noise and sigmas."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import diffusers
import numpy as np
from transformers import CLIPTokenizer

from modules.core.request import GenerationRequest
from modules.families.unet.family import UnetFamily
from modules.sampling.noise import NoiseStream
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import sigmas_for
from modules.text.tokenizer import EOS_TEXT, clip_tokenizer
from tests.checkpoints import SCHEDULER


@cache
def tokenizer(pad: str) -> CLIPTokenizer:
    """transformers' own class, with the vocabulary of ours."""
    model = json.loads(clip_tokenizer().to_str())["model"]
    found = CLIPTokenizer(vocab=model["vocab"], merges=[tuple(pair) for pair in model["merges"]], pad_token=pad)
    found.model_max_length = 77
    return found


def pipeline(family: UnetFamily, **schedule: Any) -> Any:
    """The text-to-image pipeline of SD or SDXL. schedule: further arguments for EulerDiscreteScheduler."""
    prediction = family.card.prediction
    scheduler = diffusers.EulerDiscreteScheduler(**SCHEDULER, steps_offset=1, prediction_type=prediction, **schedule)
    parts = {encoder.part: family.networks[encoder.part] for encoder in family.kind.encoders}
    pads = {encoder.part: "!" if encoder.open_clip else EOS_TEXT for encoder in family.kind.encoders}
    common = {"vae": family.vae, "unet": family.unet, "scheduler": scheduler, **parts}
    tokenizers = {part.replace("text_encoder", "tokenizer"): tokenizer(pad) for part, pad in pads.items()}
    if family.kind.score:
        made = diffusers.StableDiffusionXLImg2ImgPipeline(
            **{"text_encoder": None, "tokenizer": None} | common | tokenizers,
            requires_aesthetics_score=True,
            force_zeros_for_empty_prompt=False,
            add_watermarker=False,
        )
    elif family.kind.time_ids:
        made = diffusers.StableDiffusionXLPipeline(**common, **tokenizers, add_watermarker=False)
    else:
        rest = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        made = diffusers.StableDiffusionPipeline(**common, **tokenizers, **rest)
    made.set_progress_bar_config(disable=True)
    return made


def picture(family: UnetFamily, request: GenerationRequest, **schedule: Any) -> np.ndarray:
    """The pipeline's picture for a request: (height, width, 3) levels. Sampler Euler."""
    sampler = SAMPLERS[request.sampler]
    sigmas = sigmas_for(sampler, request.schedule, request.steps, family.noise_levels)
    noise = NoiseStream([request.seed], family.latent_shape(request.width, request.height), "nv").draw()
    made: dict[str, Any] = {"width": request.width, "height": request.height, "latents": noise}
    if family.kind.score:  # it only continues pictures: here from one that is noise alone
        made = {"image": noise * sigmas[0], "denoising_start": 1e-4}
    images = pipeline(family, **schedule)(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt or None,
        sigmas=list(sigmas),
        guidance_scale=request.cfg_scale,
        output_type="np",
        **made,
    ).images
    return np.asarray(images[0] * 255).astype(int)
