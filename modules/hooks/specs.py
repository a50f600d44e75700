"""Every hook, one function and one docstring each. An extension implements those it needs, with `@hookimpl`.

Front half (`extension.py`, no torch): `tabs`, `controls`, `after_save`. Worker half (`engine.py`): the moments of the
loop, `before_predict`, `after_predict`, `after_step`, `after_decode`, and `show_step`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import pluggy

if TYPE_CHECKING:
    from PIL import Image

    from modules.core.events import Frame
    from modules.core.family import CheckpointCard, Family
    from modules.core.moments import StepState
    from modules.core.request import GenerationRequest

PROJECT = "taffy"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Page(Protocol):
    """What a tab may ask of the program. Errors are TaffyErrors: show their message."""

    def submit(self, request: GenerationRequest, owner: str) -> str:
        """Put a job in the queue; returns its id. Raises BadRequest, QueueFull."""
        ...

    def accept(self, request: GenerationRequest, owner: str) -> tuple[object, Sequence[str]]:
        """The same; returns the job, and what became different from what was asked for, in plain words."""
        ...

    def cancel(self, job_id: str, owner: str) -> None: ...

    def checkpoints(self) -> Sequence[CheckpointCard]: ...

    @property
    def models_folder(self) -> Path:
        """Where checkpoints are put."""
        ...

    def controls(self, tab: str) -> Sequence[Control]:
        """The controls extensions want under a tab."""
        ...

    def upscaler_names(self) -> Sequence[str]:
        """What can make a picture larger before a second pass, for pixels and for latents, files included."""
        ...


@dataclass(frozen=True)
class Tab:
    """A tab of the page: id, the words on it, its place from the left, and what lays it out inside a Blocks."""

    id: str
    label: str
    order: int
    build: Callable[[Page], None]


@dataclass(frozen=True)
class Control:
    """One control under a tab. Its value travels in the request's extras as "<extension>.<name>"."""

    name: str
    label: str
    kind: Literal["checkbox", "slider", "text", "choice"]
    default: bool | float | str
    info: str = ""
    minimum: float = 0
    maximum: float = 1
    step: float = 0.01
    choices: tuple[str, ...] = ()
    extension: str = ""  # filled in by the host


@hookspec
def tabs() -> Sequence[Tab]:  # type: ignore[empty-body]
    """Tabs to add to the page."""


@hookspec
def controls(tab: str) -> Sequence[Control]:  # type: ignore[empty-body]
    """Controls to show under the tab with this id ("txt2img" ...)."""


@hookspec
def after_save(picture_id: str, request: GenerationRequest) -> None:
    """A picture was saved; the request is the one that makes exactly this picture again."""


@hookspec
def before_predict(state: StepState) -> StepState | None:
    """The network is about to be asked. Return a changed state (x, sigma, prompt) or None."""


@hookspec
def after_predict(state: StepState) -> StepState | None:
    """The network has answered: `state.prediction` is set. Return a state with another prediction, or None."""


@hookspec
def after_step(state: StepState) -> None:
    """A step is done: x is the latent after it. Look, keep notes; changing is for the two moments above."""


@hookspec
def after_decode(image: Image.Image, request: GenerationRequest) -> Image.Image | None:
    """A finished picture, before it is saved. Return another one, or None."""


@hookspec(firstresult=True)
def show_step(state: StepState, family: Family) -> Frame | None:
    """A picture of this step for the people who watch. The first answer that is not None is shown."""
