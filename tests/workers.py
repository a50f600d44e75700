"""A worker without torch: real processes, real events, pictures of noise. For tests of everything around it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from random import Random

from PIL import Image

from modules.core.events import Event, Failed, Finished, Frame, Loaded, Loading, PictureMade, Shown, Stepped
from modules.core.family import CheckpointCard
from modules.core.request import GenerationRequest
from modules.core.task import Encode, Generate, Load, Task, Upscale
from modules.jobs.prepare import Progress
from modules.worker.local import LocalWorker
from modules.worker.process import ProcessWorker

NOISE_CARD = CheckpointCard("noise", "noise", 8, 4, 64, 8, 75, "epsilon", 20, 7.0)


@dataclass(frozen=True)
class NoiseConfig:
    """step_seconds: how long a step takes. frame_side: pixels of a preview's side; a bigger one has more bytes."""

    step_seconds: float = 0.0
    frame_side: int = 32


class NoiseService:
    """Makes the pictures of a request from nothing but its seeds. A prompt with "die" or "fail" does so at step 2."""

    def __init__(self, config: NoiseConfig) -> None:
        self._config = config

    def run(self, task: Task) -> Generator[Event, None, None]:
        match task:
            case Generate():
                yield from self._generate(task.id, task.request)
            case Upscale():
                yield larger_picture(task)
            case Encode():
                for name, png in zip(
                    ("round trip", "noised start"), 2 * [next(iter(task.inputs.values()))], strict=True
                ):
                    yield Shown(task.id, name, frame_of(png))
            case Load():
                yield Loading(task.id, task.checkpoint, 1, 2)
                yield Loaded(task.id, NOISE_CARD, 0.0)
        yield Finished(task.id, 0.0)

    def _generate(self, task: str, request: GenerationRequest) -> Generator[Event, None, None]:
        for first in range(0, request.count, request.batch_size):
            for step in range(1, request.steps + 1):
                time.sleep(self._config.step_seconds)
                if step == 2 and "die" in request.prompt:
                    os.kill(os.getpid(), signal.SIGKILL)
                if step == 2 and "fail" in request.prompt:
                    yield Failed(task, "BadRequest", "asked to fail", "ask for something else")
                    return
                frame = noise_frame(self._config.frame_side, step % 4)
                yield Stepped(task, first, step, request.steps, 1.0, self._config.step_seconds, frame)
            for index in range(first, min(first + request.batch_size, request.count)):
                yield noise_picture(task, index, request)


@cache
def noise_frame(side: int, seed: int) -> Frame:
    file = BytesIO()
    Image.frombytes("RGB", (side, side), Random(seed).randbytes(side * side * 3)).save(file, "JPEG")
    return Frame(file.getvalue(), side, side, "noise")


def frame_of(png: bytes) -> Frame:
    """An input picture as a frame."""
    file = BytesIO()
    image = Image.open(BytesIO(png)).convert("RGB")
    image.save(file, "JPEG")
    return Frame(file.getvalue(), image.width, image.height, "noise")


def larger_picture(task: Upscale) -> PictureMade:
    """The input picture made larger by repeating its pixels, its transparency with it."""
    image = Image.open(BytesIO(task.inputs[task.request.image])).convert("RGBA")
    image = image.resize([round(side * task.request.scale) for side in image.size], Image.Resampling.NEAREST)
    return PictureMade(
        task.id,
        0,
        0,
        *image.size,
        image.convert("RGB").tobytes(),
        {"Version": "noise"},
        image.getchannel("A").tobytes(),
    )


def noise_picture(task: str, index: int, request: GenerationRequest) -> PictureMade:
    """Picture `index` of a request: the same seed gives the same noise."""
    seed = request.seed + index
    rgb = Random(seed).randbytes(request.width * request.height * 3)
    return PictureMade(task, index, seed, request.width, request.height, rgb, {"Model": "noise"})


def noise_worker(config: NoiseConfig = NoiseConfig()) -> LocalWorker:
    """In this process: quick, and cannot die."""
    return LocalWorker(partial(NoiseService, config))


def noise_process(config: NoiseConfig = NoiseConfig()) -> ProcessWorker:
    """In a process of its own, which can."""
    return ProcessWorker(config, NoiseService)


class Installed:
    """The packages of a worker when there is nothing to install."""

    def needed(self) -> bool:
        return False

    def run(self) -> Iterator[Progress]:
        yield from ()
