"""What the hooks of the worker half speak: techniques, the job they serve, new samplers, the bench for questions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from PIL import Image

from modules.core.events import Attached, Told
from modules.core.extensions import Message
from modules.core.family import Family, NoiseLevels
from modules.core.moments import SamplerStep, StepState, Turn
from modules.core.request import GenerationRequest

if TYPE_CHECKING:
    from torch import Tensor

MAX_ATTACHED = 64_000_000  # bytes of one piece

Run = Callable[[Any, "Tensor", Any, Any], Iterator[SamplerStep]]
"""run(denoise, x, sigmas, noise): one SamplerStep per interval of sigmas; see modules/sampling/samplers.py."""

Schedule = Callable[[int, NoiseLevels], tuple[float, ...]]
"""schedule(steps, levels): `steps` falling sigmas, without the final 0."""

ShowLatents = Callable[["Tensor", Family], "Tensor"]
"""Latents (batch, c, h, w) -> pixels (batch, 3, any height, any width) in 0..1."""

Attend = Callable[["Tensor", "Tensor", "Tensor"], "Tensor"]
"""softmax(QK^T)V: (batch, heads, tokens, width) each."""

QuickLook = Callable[[Family, "Tensor"], Image.Image]
"""quick_look(family, latents): one picture's latents (1, c, h, w) as previews show them, small and rough; takes a few
milliseconds."""

Enlarge = Callable[[Image.Image, int, int], Image.Image]
"""enlarge(picture, width, height): the picture, at least about that large; the rest is done by Lanczos."""


@dataclass(frozen=True)
class NewSampler:
    """A sampler and what the loop must know about it.

    default_schedule: what "automatic" stands for. order: the error falls with this power of the steps. noise: what it
    asks `noise` for. starts_from: "sigma", noise of that level alone; "unit", as if the data had variance 1.
    """

    run: Run
    default_schedule: str = "uniform"
    order: int = 1
    noise: Literal["none", "ancestral", "brownian"] = "none"
    starts_from: Literal["sigma", "unit"] = "sigma"


@dataclass(frozen=True)
class EngineJob:
    """The job a technique serves, as one extension sees it.

    A job whose pictures have different prompts is shown part by part. first: index in the whole job of the part's
    picture 0. inputs: the input pictures by id, PNG. packed: what the front half gave along (`pack`), by name.
    models: folders with kinds of weights in them. quick_look: latents as a picture; None where nobody can show any.
    """

    id: str
    extension: str
    request: GenerationRequest
    inputs: Mapping[str, bytes] = field(default_factory=dict)
    packed: Mapping[str, bytes] = field(default_factory=dict)
    models: tuple[Path, ...] = ()
    first: int = 0
    quick_look: QuickLook | None = None
    outbox: list[Told | Attached] = field(default_factory=list)
    inbox: deque[Message] = field(default_factory=deque)

    def extra(self, name: str) -> Any:
        """The value of one of the extension's own controls; None if the request does not say."""
        return self.request.extras.get(f"{self.extension}.{name}")

    def tell(self, message: Message) -> None:
        """Say something to the front half (`hear`)."""
        self.outbox.append(Told(self.id, self.extension, message))

    def heard(self) -> Iterator[Message]:
        """What the front half has said since the last time (`desk.say`)."""
        while self.inbox:
            yield self.inbox.popleft()

    def attach(self, key: str, data: bytes) -> None:
        """Keep data with the job's record; the front half finds it by the key. Raises ValueError over 64 MB."""
        if len(data) > MAX_ATTACHED:
            raise ValueError(f"a piece of a job's record may have {MAX_ATTACHED:,} bytes, {key} has {len(data):,}")
        self.outbox.append(Attached(self.id, self.extension, key, data))


class Technique:
    """What an extension does during one job: override what you need.

    Entered after the checkpoint, its LoRAs and embeddings are ready, left when the job has ended in whatever way.
    Whatever it alters of the family it must undo on leaving, to the bit. Values are frozen: return changed copies.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """The job is over."""

    def before_predict(self, state: StepState) -> StepState | None:
        """As the hook of this name."""

    def after_predict(self, state: StepState) -> StepState | None:
        """As the hook of this name."""

    def after_call(self, state: StepState) -> None:
        """As the hook of this name."""

    def after_step(self, state: StepState) -> None:
        """As the hook of this name."""

    def before_decode(self, latent: Tensor, index: int) -> Tensor | None:
        """As the hook of this name; index: of the picture in its job."""

    def after_decode(self, image: Image.Image, index: int) -> Image.Image | None:
        """As the hook of this name; index: of the picture in its job."""

    def turns(self) -> tuple[Turn, ...]:
        """Where the way goes on with another sampler or other noise; asked for before each pass.

        Not in the style modes that have a loop of their own ("inject", "series").
        """
        return ()

    def facts(self) -> Mapping[str, str]:
        """What the record of each picture should say, by key; asked for with each picture."""
        return {}


@dataclass(frozen=True)
class Question:
    """What the front half asked. job: id of the job it is about, or empty."""

    name: str
    payload: Message = None
    job: str = ""
    data: Mapping[str, bytes] = field(default_factory=dict)


class Bench(Protocol):
    """What a worker half may use while it answers a question. Runs between jobs, on the worker's own thread."""

    @property
    def models(self) -> tuple[Path, ...]:
        """Folders with kinds of weights in them."""
        ...

    def family(self, checkpoint: str, prompt: str = "", vae: str = "automatic") -> AbstractContextManager[Family]:
        """A checkpoint, loaded if it is not; with the LoRAs and learned words that a prompt names applied.

        vae: as in a request.

        Raises UnknownName, BadCheckpoint.
        """
        ...

    def picture(self, family: Family, latents: Tensor, quick: bool = False) -> Image.Image:
        """What latents (1, c, h, w) look like: through the VAE, or in a moment, small and rough, as previews are.

        Raises NotANumber.
        """
        ...

    def generate(
        self, request: GenerationRequest, inputs: Mapping[str, bytes], packed: Mapping[str, bytes]
    ) -> Generator[Any, None, None]:
        """The events of a request made here and now, nothing of which is saved; see modules/core/events.py."""
        ...
