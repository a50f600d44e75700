"""The road of a request whose checkpoint paints whole pictures by itself: its steps are watched, not taken."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from time import monotonic

from torch import Tensor

from modules.core import VERSION
from modules.core.events import Event, PictureMade, Stepped
from modules.core.family import PaintsItself
from modules.core.moments import Prediction, StepState
from modules.core.request import GenerationRequest
from modules.engine.finish import picture_of, rgb
from modules.hooks.engine_host import Moments


@dataclass(frozen=True)
class WholeJob:
    """Extensions see the steps (`show_step`) and the finished pictures; they cannot change a step."""

    task: str
    family: PaintsItself
    request: GenerationRequest
    host: Moments

    def events(self) -> Iterator[Event]:
        """The steps and pictures of the request."""
        request = self.request
        for first in range(0, request.count, request.batch_size):
            seeds = [request.seed + index for index in range(first, min(first + request.batch_size, request.count))]
            pixels = yield from self._steps(first, seeds)
            for index, seed in enumerate(seeds):
                yield self._picture(first + index, seed, pixels[index])

    def _steps(self, first: int, seeds: list[int]) -> Generator[Event, None, Tensor]:
        """The steps of some pictures; returns their pixels."""
        with closing(self.family.paint(self.request, seeds)) as painting:
            while True:
                before = monotonic()
                try:
                    step = next(painting)
                except StopIteration as stop:
                    pixels: Tensor = stop.value
                    return pixels
                frame = None
                if self.family.shows(step.x0):
                    prediction = Prediction(step.x0.float())
                    state = StepState(
                        self.request, first, step.index, step.steps, step.sigma, step.x, (), prediction=prediction
                    )
                    frame = self.host.show_step(state, self.family)
                seconds = monotonic() - before
                yield Stepped(self.task, first, step.index + 1, step.steps, step.sigma, seconds, frame)

    def _picture(self, index: int, seed: int, pixels: Tensor) -> PictureMade:
        image = self.host.change_image(picture_of(pixels), self.request, index)
        facts = {**self.family.facts, "Version": f"Taffy {VERSION}"}
        return PictureMade(self.task, index, seed, *image.size, rgb(image), facts)
