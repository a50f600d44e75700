"""Every hook, one function and one docstring each. An extension implements those it needs, with `@hookimpl`.

The first line after a docstring's opening says what it is for; the sample below it is tested. An implementation may
leave out arguments it does not need.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image
    from torch import Tensor

    from modules.core.events import Answered, Frame
    from modules.core.extensions import Message
    from modules.core.family import Family
    from modules.core.moments import StepState
    from modules.core.request import GenerationRequest
    from modules.hooks import engine_values as engine
    from modules.hooks.front_values import Button, Column, Control, Desk, JobState, Route, Tab

PROJECT = "taffy"
API_VERSION = "1.0"  # the first number grows when an extension may have to change
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
Half = Literal["front", "engine", "both"]


# The front half, extension.py


@hookspec
def tabs() -> Sequence[Tab]:  # type: ignore[empty-body]
    """Tabs to add to the page; `build` lays one out with Gradio."""


@hookspec
def controls(tab: str, models: Sequence[Path]) -> Sequence[Control]:  # type: ignore[empty-body]
    """Controls to show under the tab with this id ("txt2img" ...); their values are in the request's extras.

    models: folders with kinds of weights in them, for choices of files.
    """


@hookspec
def settings() -> Sequence[Control]:  # type: ignore[empty-body]
    """Settings of the extension, shown on the Extensions page; read them with `desk.settings`."""


@hookspec
def buttons() -> Sequence[Button]:  # type: ignore[empty-body]
    """Buttons under every finished picture, and beside running jobs."""


@hookspec
def routes() -> Sequence[Route]:  # type: ignore[empty-body]
    """Routes of the extension's own, below /extensions/<name>/api/, behind the guard."""


@hookspec
def columns() -> Sequence[Column]:  # type: ignore[empty-body]
    """Things to show of each picture in lists of pictures."""


@hookspec
def assets() -> Sequence[str]:  # type: ignore[empty-body]
    """CSS and JavaScript files of the extension's folder that the page loads; scripts are modules.

    A script named like a tab of the extension (`<id>.js`) is fetched when that tab is opened first, and what another
    one imports with it.
    """


@hookspec
def change_prompt(prompt: str, seed: int, request: GenerationRequest, desk: Desk) -> str | None:
    """Rewrite a prompt before a job is queued. Asked for each prompt of each picture, with that picture's seed."""


@hookspec
def pack(job_id: str, request: GenerationRequest, desk: Desk) -> Mapping[str, bytes] | None:
    """Bytes that go to the worker half with a job (`EngineJob.packed`), by name. Asked when its turn comes."""


@hookspec
def hear(job_id: str, message: Message, desk: Desk) -> None:
    """The worker half said something about a running job (`EngineJob.tell`)."""


@hookspec
def after_save(picture_id: str, request: GenerationRequest, desk: Desk) -> None:
    """A picture was saved; the request is the one that makes exactly this picture again."""


@hookspec
def after_job(job_id: str, state: JobState, desk: Desk) -> None:
    """A job has ended: "done", "failed" or "cancelled"."""


# The worker half, engine.py


@hookspec
def samplers() -> Mapping[str, engine.NewSampler]:  # type: ignore[empty-body]
    """Samplers to add, by the name people choose."""


@hookspec
def schedules() -> Mapping[str, engine.Schedule]:  # type: ignore[empty-body]
    """Schedules to add: lists of noise levels."""


@hookspec
def families() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Model families to add (`FamilyLoader`). In both halves: `matches` and `card` read headers and need no torch."""


@hookspec
def previews() -> Mapping[str, engine.ShowLatents]:  # type: ignore[empty-body]
    """Ways to show unfinished latents, to choose from."""


@hookspec
def kernels() -> Mapping[str, engine.Attend]:  # type: ignore[empty-body]
    """Ways to compute attention, to choose from with --attention."""


@hookspec
def upscalers() -> Mapping[str, engine.Enlarge]:  # type: ignore[empty-body]
    """Ways to make pictures larger, to choose from."""


@hookspec
def technique(job: engine.EngineJob, family: Family) -> engine.Technique | None:
    """What to do during this job, or None. For techniques that alter the model or remember something."""


@hookspec
def before_predict(state: StepState) -> StepState | None:
    """The network is about to be asked. Return a changed state (x, sigma, prompt) or None.

    A state that has a prediction already is the answer: the network is not asked.
    """


@hookspec
def after_predict(state: StepState) -> StepState | None:
    """The network has answered: `state.prediction` is set. Return a state with another prediction, or None."""


@hookspec
def after_call(state: StepState) -> None:
    """The sampler gets `state.prediction` exactly as it is here, mask applied. Look, keep notes."""


@hookspec
def after_step(state: StepState) -> None:
    """A step is done: x is the latent after it. Look, keep notes; changing is for the moments before."""


@hookspec
def before_decode(latent: Tensor, request: GenerationRequest) -> Tensor | None:
    """A finished latent (1, c, h, w), before the VAE makes it a picture. Return another one, or None."""


@hookspec
def after_decode(image: Image.Image, request: GenerationRequest) -> Image.Image | None:
    """A finished picture, before it is saved. Return another one, or None."""


@hookspec(firstresult=True)
def show_step(state: StepState, family: Family) -> Frame | None:
    """A picture of this step for the people who watch. The first answer that is not None is shown."""


@hookspec
def answer(question: engine.Question, bench: engine.Bench) -> Iterator[Answered]:  # type: ignore[empty-body]
    """Answer the extension's own front half (`desk.ask`), piece by piece."""


FRONT = (
    "tabs", "controls", "settings", "buttons", "routes", "columns", "assets", "change_prompt", "pack", "hear",
    "after_save", "after_job",
)  # fmt: skip
ENGINE = (
    "samplers", "schedules", "previews", "kernels", "upscalers", "technique", "before_predict", "after_predict",
    "after_call", "after_step", "before_decode", "after_decode", "show_step", "answer",
)  # fmt: skip
BOTH = ("families",)


def half_of(hook: str) -> Half:
    """Which file of an extension a hook belongs into."""
    return "both" if hook in BOTH else "front" if hook in FRONT else "engine"
