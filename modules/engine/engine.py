"""The loop. One request in, a stream of events out; closing the stream stops it within a step."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext
from time import monotonic

import torch

from modules.adapters import seamless
from modules.core import VERSION
from modules.core.events import Event, Finished, Loaded, Loading, PictureMade, Stepped
from modules.core.family import Family
from modules.core.moments import SamplerStep
from modules.core.request import GenerationRequest
from modules.engine.denoiser import Denoiser
from modules.engine.finish import decode_picture, rgb
from modules.engine.prompts import Prompts, encode_prompts
from modules.hooks.host import Host
from modules.manager.manager import Manager
from modules.sampling.noise import NoiseStream, noise_function, turned
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import sigmas_for


class Engine:
    """Makes pictures with whatever checkpoint a request names."""

    def __init__(self, manager: Manager, host: Host) -> None:
        self._manager = manager
        self._host = host

    def generate(self, task: str, request: GenerationRequest) -> Iterator[Event]:
        """Every step and every picture of a request whose names, sizes and seed `App.submit` has settled."""
        started = monotonic()
        family = yield from self.load(task, request.checkpoint)
        prompts = self._encode(family, request)
        with seamless.applied(family) if request.tiling else nullcontext():
            for first in range(0, request.count, request.batch_size):
                yield from self._batch(task, family, request, prompts, first)
        yield Finished(task, monotonic() - started)

    def load(self, task: str, checkpoint: str) -> Generator[Event, None, Family]:
        """Get a checkpoint ready; returns its family."""
        started = monotonic()
        loading = self._manager.use(checkpoint)
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

    @torch.inference_mode()
    def _encode(self, family: Family, request: GenerationRequest) -> Prompts:
        return encode_prompts(family, request)

    @torch.inference_mode()
    def _batch(
        self, task: str, family: Family, request: GenerationRequest, prompts: Prompts, first: int
    ) -> Iterator[Event]:
        """The pictures first, first + 1 ... that are denoised together."""
        indices = range(first, min(first + request.batch_size, request.count))
        seeds = [request.seed + (0 if request.variation_strength else index) for index in indices]
        denoiser = Denoiser(family, self._host, request, prompts, first)
        before = monotonic()
        for step in sample(family, request, denoiser, seeds, first):
            denoiser.step = step.index + 1
            state = denoiser.after(step)
            self._host.notice("after_step", state)
            frame = self._host.show_step(state, family)
            seconds, before = monotonic() - before, monotonic()
            yield Stepped(task, first, step.index + 1, request.steps, step.sigma, seconds, frame)
        for index, (seed, latent) in enumerate(zip(seeds, step.x.unbind(), strict=True), start=first):
            image = self._host.change_image(decode_picture(family, latent[None]), request)
            yield PictureMade(
                task, index, seed, *image.size, rgb(image), {**family.facts, "Version": f"Taffy {VERSION}"}
            )


def sample(
    family: Family, request: GenerationRequest, denoiser: Denoiser, seeds: Sequence[int], first: int
) -> Iterator[SamplerStep]:
    """The sampler of the request, on its way from the noise of pictures first, first + 1 ...; latents are fp32."""
    sampler = SAMPLERS[request.sampler]
    sigmas = sigmas_for(sampler, request.schedule, request.steps, family.noise_levels)
    shape = family.latent_shape(request.width, request.height)
    stream = NoiseStream(seeds, shape, request.noise_source, family.device)
    noise = stream.draw()
    if request.variation_strength:
        others = [request.variation_seed + first + row for row in range(len(seeds))]
        other = NoiseStream(others, shape, request.noise_source, family.device).draw()
        noise = turned(noise, other, request.variation_strength)
    x = noise * sampler.start_scale(sigmas)
    return sampler.run(denoiser, x, sigmas, noise_function(sampler, stream, sigmas))
