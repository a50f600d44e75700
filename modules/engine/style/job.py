"""What every style mode works on: the request with its pictures, the events of its steps, its finished picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from time import monotonic

import torch
from PIL import Image
from torch import Tensor

from modules.core import VERSION
from modules.core.errors import BadRequest
from modules.core.events import PictureMade, Stepped
from modules.core.family import Family
from modules.core.moments import SamplerStep, StepState
from modules.core.request import GenerationRequest
from modules.engine.finish import rgb
from modules.engine.picture import read_picture
from modules.hooks.engine_host import Moments
from modules.style.colour import Matching, matched, on_white

SHORT = 10  # hexadecimal digits of a picture's hash, as many as A1111 shows of a model's


@dataclass(frozen=True)
class StyleJob:
    """One job of a style mode. inputs: the pictures by id, as in `Generate`.

    adapters: what else alters the network, as the prompt named it ("lora:name:1"). made_before: `made` of `Generate`.
    """

    task: str
    request: GenerationRequest
    inputs: Mapping[str, bytes]
    moments: Moments
    adapters: tuple[str, ...] = ()
    made_before: int = 0

    @cached_property
    def styles(self) -> tuple[Image.Image, ...]:
        return tuple(opened(self.inputs, name) for name in self.request.style_images)

    @property
    def shares(self) -> list[float]:
        """Of each style picture; together 1."""
        weights = self.request.style_weights or (1.0,) * len(self.request.style_images)
        return [weight / sum(weights) for weight in weights]

    @property
    def facts(self) -> dict[str, str]:
        """What makes the picture again, beside the request's own fields."""
        if self.request.style_mode == "none" and not self.request.style_match:
            return {}
        facts = {}
        if self.styles:
            facts["Style image hash"] = " ".join(picture_hash(style) for style in self.styles)
        if self.request.image:
            facts["Content image hash"] = picture_hash(read_picture(self.inputs, self.request.image))
        if self.request.style_weights:
            facts["Style shares"] = " ".join(f"{weight:g}" for weight in self.request.style_weights)
        return facts

    @property
    def matching(self) -> Matching:
        request = self.request
        return Matching(request.style_method, request.style_amount, request.style_luma)

    def matched(self, picture: Image.Image) -> Image.Image:
        """In the style's colours, where that was asked for."""
        if not self.request.style_match and self.request.style_mode != "colour":
            return picture
        return matched(picture, self.styles, self.matching, self.shares)

    def made(self, picture: Image.Image, index: int, seed: int, facts: Mapping[str, str]) -> PictureMade:
        """The finished picture; extensions see it last."""
        picture = self.moments.change_image(self.matched(picture), self.request, index)
        known = {**facts, **self.facts, **self.moments.facts(), "Version": f"Taffy {VERSION}"}
        return PictureMade(self.task, index, seed, *picture.size, rgb(picture), known)


@dataclass
class Progress:
    """Counts the steps of a job's parts as one row of steps, and shows each."""

    job: StyleJob
    family: Family
    total: int
    done: int = 0
    first_picture: int = 0
    _before: float = field(default_factory=monotonic)

    def stepped(self, step: SamplerStep) -> Stepped:
        state = StepState(
            request=self.job.request,
            first_picture=self.first_picture,
            step=self.done,
            steps=self.total,
            sigma=step.sigma,
            x=step.x,
            prompt=(),
            prediction=step.prediction,
            job=self.job.task,
        )
        self.done += 1
        frame = self.job.moments.show_step(state, self.family)
        seconds, self._before = monotonic() - self._before, monotonic()
        return Stepped(self.job.task, self.first_picture, self.done, self.total, step.sigma, seconds, frame)


def coloured(job: StyleJob) -> Iterator[PictureMade]:
    """Mode "colour": the content picture in the styles' colours, at its own size; asks no network."""
    yield job.made(read_picture(job.inputs, job.request.image), 0, max(job.request.seed, 0), {})


def opened(inputs: Mapping[str, bytes], name: str) -> Image.Image:
    """A style picture, with what is transparent. Raises BadRequest if it is not there or cannot be read."""
    if name not in inputs:
        raise BadRequest(f"the style picture {name!r} is not there", "give it again")
    try:
        picture = Image.open(BytesIO(inputs[name]))
        picture.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise BadRequest(
            f"the style picture cannot be read: {error}", "save it as PNG or JPEG, give it again"
        ) from error
    return picture


def picture_hash(picture: Image.Image) -> str:
    """Names the pixels, whatever file they came in."""
    seen = on_white(picture)
    return sha256(f"{seen.size}".encode() + seen.tobytes()).hexdigest()[:SHORT]


def weighted(shares: Sequence[float], values: Sequence[Tensor]) -> Tensor:
    """The sum of share * value."""
    return torch.stack([share * value for share, value in zip(shares, values, strict=True)]).sum(0)
