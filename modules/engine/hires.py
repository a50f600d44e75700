"""The second, finer pass: a finished picture is made larger and painted over at the new size."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import torch
from torch import Tensor

from modules.core.family import CheckpointCard, Family
from modules.core.request import GenerationRequest
from modules.engine.finish import decode_picture
from modules.engine.picture import to_tensor
from modules.upscalers.base import LATENT_MODES, UPSCALERS
from modules.upscalers.latent import resize_latents
from modules.upscalers.upscalers import Tile, Upscalers


def second_request(request: GenerationRequest, card: CheckpointCard) -> GenerationRequest:
    """The second pass as a request of its own: what is empty is as in the first; sizes are cut to the card's multiple.

    As in A1111 it runs exactly as many steps as it says, at any strength.
    """
    unit = card.size_multiple
    width, height = (int(side * request.hires_scale) // unit * unit for side in (request.width, request.height))
    return replace(
        request,
        width=width,
        height=height,
        steps=request.hires_steps or request.steps,
        sampler=request.hires_sampler or request.sampler,
        schedule=request.hires_schedule or request.schedule,
        prompt=request.hires_prompt or request.prompt,
        negative_prompt=request.hires_negative_prompt or request.negative_prompt,
        cfg_scale=request.hires_cfg_scale or request.cfg_scale,
        strength=request.hires_strength,
        exact_steps=True,
        hires_scale=1.0,
    )


def enlarged(
    family: Family, latents: Tensor, request: GenerationRequest, upscalers: Upscalers
) -> Generator[Tile, None, Tensor]:
    """Latents (batch, c, h, w) of the first pass at the size of the second; pixels go through the VAE and back."""
    name = request.hires_upscaler
    _, rows, columns = family.latent_shape(request.width, request.height)
    if name in UPSCALERS and UPSCALERS.canonical(name) in LATENT_MODES:
        return resize_latents(latents, name, rows, columns)
    larger = []
    for latent in latents:
        picture = yield from upscalers.upscale(
            decode_picture(family, latent[None]), name, request.width, request.height
        )
        larger.append(family.encode(to_tensor(picture, family.device)))
    return torch.cat(larger)
