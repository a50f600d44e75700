"""Where a pass starts and how far it goes: from noise alone, or from a picture noised to the strength asked for.

The rule of steps is A1111's; the start itself is SDEdit (Meng et al. 2022, algorithm 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from modules.core.errors import BadRequest
from modules.core.family import Family
from modules.core.request import GenerationRequest, turns
from modules.engine.mask import cells, filled
from modules.engine.picture import resized, to_tensor
from modules.engine.place import Place
from modules.engine.prompts import Prompts
from modules.sampling.noise import NoiseStream, noise_function, turned
from modules.sampling.samplers import SAMPLERS, Noise
from modules.sampling.schedules import Sigmas, sigmas_for

MOST = 0.999  # of the steps at strength 1, as in A1111


@dataclass(frozen=True)
class Origin:
    """What a pass starts from beside noise.

    latents: (1 or batch, c, h, w). degree: (1, 1, h, w), how far each cell may change, 0 to 1; None is entirely.
    noise_share: (1, 1, h, w), how much of the starting noise lies in the latents ("latent noise"); None is nowhere.
    """

    latents: Tensor
    degree: Tensor | None = None
    noise_share: Tensor | None = None


@dataclass(frozen=True)
class Pass:
    """One way from noise to latents. levels: all of the schedule; sigmas: those this pass visits, the last is 0.

    turn: 0, or 1 for the second, finer pass.
    """

    request: GenerationRequest
    prompts: Prompts
    levels: Sigmas
    sigmas: Sigmas
    origin: Origin | None = None
    turn: int = 0

    @property
    def steps(self) -> int:
        return len(self.sigmas) - 1


@dataclass(frozen=True)
class Begin:
    """The first state of a batch. x: noisy latents. latents: those of the origin, None without one."""

    x: Tensor
    latents: Tensor | None
    noise: Noise


def planned(steps: int, strength: float, exact: bool) -> tuple[int, int]:
    """Steps of the whole schedule, and how many of the last ones run. Strength 0 runs none.

    A1111's rule: int(min(strength, .999) * steps) + 1 of `steps`; exact: `steps` of int(steps / min(strength, .999)).
    """
    if strength == 0:
        return steps, 0
    share = min(strength, MOST)
    return (int(steps / share), steps) if exact else (steps, int(share * steps) + 1)


def path(family: Family, request: GenerationRequest, noised: bool) -> tuple[Sigmas, Sigmas]:
    """The noise levels of the whole schedule, and those a pass visits. noised: it starts from a picture."""
    sampler = SAMPLERS[request.sampler]
    whole, run = planned(request.steps, request.strength, request.exact_steps) if noised else (request.steps,) * 2
    trained = len(family.noise_levels.sigmas)
    if whole > request.steps and whole >= trained:
        raise BadRequest(
            f"exactly {request.steps} steps at strength {request.strength:g} are the end of {whole} steps; "
            f"{family.card.name} knows {trained} noise levels",
            "ask for fewer steps or a higher strength",
        )
    levels = sigmas_for(sampler, request.schedule, whole, family.noise_levels)
    return levels, replace(levels, values=levels.values[whole - run :])


def origin_of(family: Family, request: GenerationRequest, place: Place) -> Origin:
    """The latents of the picture, its mask on their grid, and what stands under the mask at the start."""
    pixels, mask = _seen(place, family.device)
    content = request.mask_content if mask is not None else "original"
    if content == "fill" and mask is not None:
        latents = family.encode(filled(pixels, mask))
    else:
        latents = _stretched(family, place) if place.source else family.encode(pixels)
    if mask is None:
        return Origin(latents)
    rows, columns = latents.shape[-2:]
    degree = cells(mask, rows, columns, place.soft)
    if content in {"latent noise", "latent nothing"}:
        latents = latents * (1 - degree)
    return Origin(latents, degree, degree if content == "latent noise" else None)


def _seen(place: Place, device: str) -> tuple[Tensor, Tensor | None]:
    """The part that is painted and its mask: (1, 3, h, w) and (1, 1, h, w)."""
    mask = place.seen_mask
    return to_tensor(place.seen, device), None if mask is None else to_tensor(mask, device)


def _stretched(family: Family, place: Place) -> Tensor:
    """Resize mode "latent": the picture is encoded at its own size, and the latents are stretched as in A1111."""
    assert place.source is not None
    unit = family.card.size_multiple
    near = [max(unit, round(side / unit) * unit) for side in place.source.size]
    latents = family.encode(to_tensor(resized(place.source, (near[0], near[1])), family.device))
    _, rows, columns = family.latent_shape(*place.size)
    return interpolate(latents, (rows, columns), mode="bilinear")


def begin(family: Family, run: Pass, seeds: Sequence[int], first: int) -> Begin:
    """Noise for the pictures first, first + 1 ..., and the origin's latents under it: x = alpha latents + sigma noise.

    Without an origin the sampler says how much noise it wants.
    """
    request, sampler = run.request, SAMPLERS[run.request.sampler]
    shape = family.latent_shape(request.width, request.height)
    stream = NoiseStream(seeds, shape, request.noise_source, family.device)
    noise = stream.draw()
    for others, strength in variations(request, first, len(seeds)):
        noise = turned(noise, NoiseStream(others, shape, request.noise_source, family.device).draw(), strength)
    steps_noise = noise_function(sampler, stream, run.levels)
    if run.origin is None:
        return Begin(noise * sampler.start_scale(run.sigmas), None, steps_noise)
    latents = run.origin.latents.expand_as(noise)
    if run.origin.noise_share is not None:
        latents = latents + run.origin.noise_share * noise
    sigma = run.sigmas[0]
    return Begin(run.sigmas.alpha(sigma) * latents + sigma * noise, latents, steps_noise)


def variations(request: GenerationRequest, first: int, count: int) -> Iterator[tuple[list[int], float]]:
    """Toward which seeds the noise of `count` pictures is turned, and how far, in order; A1111's turn is the last."""
    for seed, strength in turns(request.earlier_variations):
        yield [seed] * count, strength
    if request.variation_strength:
        yield [request.variation_seed + first + row for row in range(count)], request.variation_strength


def beside(family: Family, request: GenerationRequest, place: Place | None) -> Tensor | None:
    """What the denoiser sees beside x, (1, k, h, w): nothing, a mask and the masked picture, or the picture.

    An inpainting checkpoint without a mask is told that everything may change. Raises BadRequest for an instruct
    checkpoint without a picture.
    """
    kind = family.card.input_kind
    if kind == "text":
        return None
    if kind == "instruct":
        if place is None:
            raise BadRequest(f"{family.card.name} changes pictures and got none", "give a picture to start from")
        return family.encode(to_tensor(place.seen, family.device))
    mask = torch.ones(1, 1, request.height, request.width, device=family.device)
    pixels = mask.expand(-1, 3, -1, -1)
    if place is not None:
        pixels, seen = _seen(place, family.device)
        mask = mask if seen is None else seen
    _, rows, columns = family.latent_shape(request.width, request.height)
    masked = torch.where(mask > 0.5, 0.5, pixels)
    return torch.cat([cells(mask, rows, columns, soft=False), family.encode(masked)], 1)
