"""The loop. One request in, a stream of events out; closing the stream stops it within a step."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from itertools import groupby
from math import hypot
from pathlib import Path
from time import monotonic
from typing import Any, cast

import torch
from torch import Tensor

from modules.adapters import seamless
from modules.core import VERSION
from modules.core.errors import BadRequest
from modules.core.events import Event, Finished, Loaded, Loading, PictureMade, Shown, Stepped
from modules.core.family import Family, PaintsItself
from modules.core.moments import Prediction, StepState
from modules.core.request import GenerationRequest
from modules.engine.denoiser import Denoiser
from modules.engine.finish import decode_picture, rgb
from modules.engine.hires import enlarged
from modules.engine.picture import to_tensor
from modules.engine.plan import Plan, plan
from modules.engine.start import Origin, Pass, begin
from modules.engine.style.job import StyleJob
from modules.engine.style.modes import StyleModes
from modules.engine.way import Way, own_turns
from modules.engine.whole import WholeJob
from modules.hooks.engine_host import EngineHost, JobOrder
from modules.hooks.engine_values import QuickLook
from modules.manager.manager import Manager
from modules.manager.vaes import AUTOMATIC
from modules.preview.frame import to_frame
from modules.upscalers.upscalers import Upscalers


@dataclass(frozen=True)
class Batch:
    """The pictures of a job that are denoised together, by their index in it."""

    task: str
    family: Family
    plan: Plan
    indices: range
    style: StyleJob

    @property
    def seeds(self) -> list[int]:
        """One a picture; with a variation all have the same."""
        request = self.plan.request
        return [request.seed + (0 if request.variation_strength else index) for index in self.indices]


def parts(request: GenerationRequest) -> Iterator[tuple[int, GenerationRequest]]:
    """The runs of pictures of a job that have the same prompts: the index of the first, a request for them alone."""
    first = 0
    for same, run in groupby(request.variants or (None,)):
        count = len(list(run)) if same is not None else request.count
        seed = "variation_seed" if request.variation_strength else "seed"
        values: dict[str, Any] = {**(same or {}), seed: getattr(request, seed) + first, "count": count}
        yield first, replace(request, variants=(), **values) if same is not None else request
        first += count


def moved(event: Event, first: int) -> Event:
    """An event of a part of a job whose first picture has this index in the whole."""
    match event:
        case Stepped():
            return replace(event, first_picture=event.first_picture + first)
        case PictureMade():
            return replace(event, index=event.index + first)
    return event


class Engine:
    """Makes pictures with whatever checkpoint a request names."""

    def __init__(
        self,
        manager: Manager,
        host: EngineHost,
        upscalers: Upscalers,
        models: Sequence[Path] = (),
        quick_look: QuickLook | None = None,
    ) -> None:
        """quick_look: for extensions that want to see latents on the way."""
        self._manager = manager
        self._host = host
        self._upscalers = upscalers
        self._models = models
        self._quick_look = quick_look
        self._styles = StyleModes(host, models)

    def generate(
        self,
        task: str,
        request: GenerationRequest,
        inputs: Mapping[str, bytes],
        packed: Mapping[str, bytes] | None = None,
        made: int = 0,
    ) -> Iterator[Event]:
        """Every step and every picture of a request whose names, sizes and seed `App.submit` has settled.

        inputs: the pictures it names, PNG. packed: what extensions gave along. made: as in `Generate`. The mask is
        shown as it is used, before the first step.
        """
        started = monotonic()
        for first, part in parts(request):
            style = replace(self._styles.job(task, part, inputs), made_before=0 if request.variants else made)
            order = JobOrder(task, style.request, inputs, packed or {}, self._models, first, self._quick_look)
            for event in self._styles.without_checkpoint(style) or self._with_checkpoint(style, order):
                yield moved(event, first)
        yield Finished(task, monotonic() - started)

    def _with_checkpoint(self, style: StyleJob, order: JobOrder) -> Iterator[Event]:
        """The pictures of a job by the network, with the LoRAs and learned words of its prompts and its techniques."""
        family = yield from self.load(style.task, style.request.checkpoint, style.request.vae)
        if family.card.pipeline:
            yield from WholeJob(style.task, cast(PaintsItself, family), style.request, self._host).events()
            return
        with (
            self._manager.adapters.applied(family, style.request) as (request, facts),
            self._host.working(order, family) as moments,
            closing(self._painted(replace(style, request=request, moments=moments), family)) as events,
        ):
            for event in events:
                yield from moments.news()
                yield replace(event, facts={**event.facts, **facts}) if isinstance(event, PictureMade) else event
            yield from moments.news()

    def _painted(self, style: StyleJob, family: Family) -> Generator[Event, None, None]:
        """The pictures of a job, in the loop of its style mode if that has one."""
        task, request = style.task, style.request
        with (
            seamless.applied(family) if request.tiling else nullcontext(),
            self._styles.beside(style, family) as dressed,
        ):
            if (events := self._styles.instead(style, family)) is not None:
                yield from events
                return
            work = dressed(plan(family, request, style.inputs))
            if work.place is not None and work.place.mask is not None:
                yield Shown(task, "mask", to_frame(to_tensor(work.place.mask.convert("RGB"), "cpu"), "mask"))
            for first in range(0, request.count, request.batch_size):
                indices = range(first, min(first + request.batch_size, request.count))
                yield from self._batch(Batch(task, family, work, indices, style))

    def load(self, task: str, checkpoint: str, vae: str = AUTOMATIC) -> Generator[Event, None, Family]:
        """Get a checkpoint ready; returns its family. vae: as in the request."""
        started = monotonic()
        loading = self._manager.use(checkpoint, vae)
        try:
            while True:
                done, total = next(loading)
                yield Loading(task, checkpoint, done, total)
        except StopIteration as stop:
            family: Family = stop.value
        finally:
            loading.close()
        yield Loaded(task, family.card, monotonic() - started)
        return family

    def look(self, task: str, request: GenerationRequest, inputs: Mapping[str, bytes]) -> Iterator[Event]:
        """What a request starts from: its picture after the VAE's round trip, and noised to its strength.

        Raises BadRequest for a request without a picture.
        """
        family = yield from self.load(task, request.checkpoint, request.vae)
        with seamless.applied(family) if request.tiling else nullcontext():
            yield from self._look(task, family, replace(request, prompt="", negative_prompt=""), inputs)

    @torch.inference_mode()
    def _look(
        self, task: str, family: Family, request: GenerationRequest, inputs: Mapping[str, bytes]
    ) -> Iterator[Event]:
        work = plan(family, request, inputs)
        if work.place is None:
            raise BadRequest("there is no picture to look at", "give a picture to start from")
        pixels = to_tensor(work.place.seen, family.device)
        yield Shown(task, "round trip", to_frame(family.decode(family.encode(pixels)), "full"))
        run = work.passes[0]
        start = begin(family, run, [request.seed], 0)
        sigma = run.sigmas[0]
        x = start.x / hypot(run.sigmas.alpha(sigma), sigma)  # as bright as a picture's latents, as the network gets it
        state = StepState(request, 0, 0, max(run.steps, 2), sigma, x, (), prediction=Prediction(x))
        yield Shown(task, "noised start", self._host.show_step(state, family) or to_frame(family.decode(x), "full"))

    @torch.inference_mode()
    def _batch(self, batch: Batch) -> Iterator[Event]:
        """Every pass of some pictures that are denoised together, and the pictures."""
        first, *others = batch.plan.passes
        latents = yield from self._steps(batch, first, done=0)
        for finer in others:
            larger = yield from self._larger(batch, latents, finer.request)
            latents = yield from self._steps(batch, replace(finer, origin=Origin(larger)), done=first.steps)
        for index, latent in zip(batch.indices, latents, strict=True):
            yield self._picture(batch, index, latent[None])

    def _steps(self, batch: Batch, run: Pass, done: int) -> Generator[Event, None, Tensor]:
        """One pass; returns its latents. done: steps of the passes before."""
        family, first = batch.family, batch.indices[0]
        start = begin(family, run, batch.seeds, first)
        moments = batch.style.moments
        denoiser = Denoiser(family, moments, run, first, start.latents, batch.task)
        turns = own_turns(moments.turns(), done, run.steps)
        sampler, noise = Way(family, run, tuple(batch.seeds)).walk(start, turns)
        x, before = start.x, monotonic()
        for step in sampler(denoiser, x, run.sigmas, noise):
            denoiser.step = step.index + 1
            state = denoiser.after(step)
            moments.notice("after_step", state)
            frame = moments.show_step(state, family)
            seconds, before = monotonic() - before, monotonic()
            yield Stepped(batch.task, first, done + step.index + 1, batch.plan.steps, step.sigma, seconds, frame)
            x = step.x
        return x

    def _larger(self, batch: Batch, latents: Tensor, request: GenerationRequest) -> Generator[Event, None, Tensor]:
        """The latents of the first pass at the size of the second; shows pixels that are made larger on the way."""
        tiles = enlarged(batch.family, latents, request, self._upscalers)
        while True:
            try:
                tile = next(tiles)
            except StopIteration as stop:
                larger: Tensor = stop.value
                return larger
            if tile.frame is not None:
                yield Shown(batch.task, "upscaling", tile.frame)

    def _picture(self, batch: Batch, index: int, latent: Tensor) -> PictureMade:
        """A finished latent (1, c, h, w), decoded, put in its place and changed by extensions."""
        work, family, moments = batch.plan, batch.family, batch.style.moments
        painted = decode_picture(family, moments.change_latent(latent, work.request, index))
        image = batch.style.matched(work.place.finished(painted) if work.place else painted)
        image = moments.change_image(image, work.request, index)
        facts = {**family.facts, **work.facts, **batch.style.facts, **moments.facts(), "Version": f"Taffy {VERSION}"}
        return PictureMade(batch.task, index, batch.seeds[index - batch.indices[0]], *image.size, rgb(image), facts)
