"""Mode "series": all pictures of a job in one style, that of the first picture or of a style picture."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from modules.adapters.style_shared import self_attention, shared
from modules.core.errors import BadRequest
from modules.core.events import PictureMade, Stepped
from modules.core.family import Conditioning, Family
from modules.core.moments import Prediction, SamplerStep
from modules.engine.denoiser import Denoiser
from modules.engine.finish import decode_picture
from modules.engine.picture import fitted, to_tensor
from modules.engine.plan import Plan, plan
from modules.engine.prompts import Prompts
from modules.engine.start import Begin, Pass, begin
from modules.engine.style.inject import prediction_type
from modules.engine.style.job import Progress, StyleJob
from modules.sampling.inversion import inverted
from modules.sampling.samplers import SAMPLERS
from modules.style.colour import on_white

Trajectory = Mapping[float, Tensor]
"""Noise level -> the style picture's latents there, (1, c, h, w)."""


@dataclass(frozen=True)
class Series:
    """One job's constants. anchor: the style picture on its way to noise; None: the first picture is the anchor."""

    job: StyleJob
    family: Family
    work: Plan
    run: Pass
    anchor: Trajectory | None


@torch.inference_mode()
def series(job: StyleJob, family: Family) -> Iterator[Stepped | PictureMade]:
    """Each batch beside the anchor. A picture depends on the anchor and its own seed, not on its neighbours."""
    request = job.request
    self_attention(family)
    if request.hires_scale > 1:
        raise BadRequest("a series in one style has no second, finer pass", "set the hires scale to 1")
    if len(request.style_images) > 1:
        raise BadRequest(f"a series has one style picture at most, got {len(request.style_images)}")
    work = plan(family, request, job.inputs)
    run = work.passes[0]
    anchor = (yield from trajectory(job, family, run)) if request.style_images else None
    for first in range(0, request.count, request.batch_size):
        indices = range(first, min(first + request.batch_size, request.count))
        yield from batch(Series(job, family, work, run, anchor), indices)


def trajectory(job: StyleJob, family: Family, run: Pass) -> Generator[Stepped, None, Trajectory]:
    """The style picture run backwards under the empty prompt, through the levels of the job's own schedule."""
    empty = family.encode_prompt("", job.request.clip_skip)

    def denoise(x: Tensor, sigma: float) -> Prediction:
        return Prediction(family.denoise(x, sigma, empty))

    size = job.request.width, job.request.height
    latents = family.encode(to_tensor(fitted(on_white(job.styles[0]), size, "crop"), family.device))
    progress = Progress(job, family, total=2 * run.steps)
    found: dict[float, Tensor] = {}
    for step in inverted(denoise, latents, run.sigmas.values, prediction_type(family)):
        found[step.sigma] = step.x
        yield progress.stepped(step)
    return found


def batch(this: Series, indices: range) -> Iterator[Stepped | PictureMade]:
    """Pictures that are denoised together, the anchor as row 0 before them where it is not one of them."""
    job, family, run = this.job, this.family, this.run
    extra = int(this.anchor is not None or indices[0] + job.made_before > 0)
    start, seeds = begun(this, indices, extra)
    prompts = run.prompts
    if this.anchor is not None:
        prompts = beside_empty(prompts, family.encode_prompt("", job.request.clip_skip), len(indices))
    denoiser = Denoiser(family, job.moments, replace(run, prompts=prompts), indices[0], start.latents, job.task)

    def denoise(x: Tensor, sigma: float) -> Prediction:
        if this.anchor is not None:
            x = torch.cat([this.anchor[sigma], x[1:]])
        with shared(family, len(x), job.request.style_amount):
            return denoiser(x, sigma)

    x = start.x
    done = run.steps if this.anchor is not None and indices[0] == 0 else 0
    progress = Progress(job, family, done + run.steps, done, indices[0])
    for step in SAMPLERS[run.request.sampler].run(denoise, x, run.sigmas, start.noise):
        denoiser.step = step.index + 1
        job.moments.notice("after_step", denoiser.after(step))
        yield progress.stepped(_without(step, extra))
        x = step.x
    for index, seed, latent in zip(indices, seeds, x[extra:], strict=True):
        picture = decode_picture(family, job.moments.change_latent(latent[None], job.request, index))
        if this.work.place is not None:
            picture = this.work.place.finished(picture)
        yield job.made(picture, index, seed, {**family.facts, **this.work.facts})


def begun(this: Series, indices: range, extra: int) -> tuple[Begin, list[int]]:
    """Where the rows start, each with the noise it would have alone; and the pictures' seeds."""
    request, family = this.run.request, this.family
    seeds = [request.seed + (0 if request.variation_strength else index) for index in indices]
    own = begin(family, this.run, seeds, indices[0])
    if not extra:
        return own, seeds
    first = "variation_seed" if request.variation_strength else "seed"
    asked = replace(request, **{first: getattr(request, first) - this.job.made_before})  # of the whole job
    anchor = begin(family, replace(this.run, request=asked), [asked.seed], 0)

    def noise(sigma_from: float, sigma_to: float) -> Tensor:
        return torch.cat([anchor.noise(sigma_from, sigma_to), own.noise(sigma_from, sigma_to)])

    latents = None
    if anchor.latents is not None and own.latents is not None:
        latents = torch.cat([anchor.latents, own.latents])
    return Begin(torch.cat([anchor.x, own.x]), latents, noise), seeds


def beside_empty(prompts: Prompts, empty: Conditioning, pictures: int) -> Prompts:
    """The same prompts for `pictures` rows, with a row before them that is told nothing."""

    def joined(one: Conditioning) -> Conditioning:
        windows = one.embeddings.shape[1] // empty.embeddings.shape[1]
        nothing = empty.embeddings.repeat(1, windows, 1)
        pooled = None
        if one.pooled is not None and empty.pooled is not None:
            pooled = torch.cat([empty.pooled, one.pooled.expand(pictures, -1)])
        return Conditioning(torch.cat([nothing, one.embeddings.expand(pictures, -1, -1)]), pooled, one.concat)

    return replace(prompts, encoded={key: joined(one) for key, one in prompts.encoded.items()})


def _without(step: SamplerStep, extra: int) -> SamplerStep:
    """The step without the anchor's row, for those who look."""
    return replace(step, x=step.x[extra:], prediction=Prediction(step.prediction.x0[extra:]))
