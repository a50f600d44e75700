"""What the hooks of the front half speak: tabs, controls, buttons, routes, columns, and an extension's desk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from modules.core.events import Answered
    from modules.core.extensions import Message
    from modules.core.family import CheckpointCard
    from modules.core.request import GenerationRequest

ControlKind = Literal["checkbox", "slider", "text", "choice", "picture", "hidden"]
JobState = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Control:
    """One control under a tab, or one setting. Its value travels in the request's extras as "<extension>.<name>".

    kind: "text" may have `lines`; "picture" is {"input": id} of a picture somebody brought, or None; "hidden" is not
    drawn and takes any JSON, for what a tab, a button or a script of the extension fills in.
    group: controls of one group stand together under this heading.
    """

    name: str
    label: str
    kind: ControlKind
    default: Any = None
    info: str = ""
    minimum: float = 0
    maximum: float = 1
    step: float = 0.01
    choices: tuple[str, ...] = ()
    lines: int = 1
    group: str = ""
    extension: str = ""  # filled in by the host


@dataclass(frozen=True)
class Picture:
    """A picture of the gallery. index: of the picture in its job, from 0. created: seconds since 1970.

    request: makes exactly this picture again; None for one that was only made larger.
    """

    id: str
    job: str
    index: int
    owner: str
    width: int
    height: int
    seed: int
    infotext: str
    created: float
    request: GenerationRequest | None = None


@dataclass(frozen=True)
class Piece:
    """Something that was kept with a job. size: bytes. kept: seconds since 1970."""

    job: str
    key: str
    size: int
    kept: float


@dataclass(frozen=True)
class JobCard:
    """A job: its fate, and its pictures so far. error: why it failed or was put back; advice: what to try."""

    id: str
    owner: str
    state: JobState
    request: GenerationRequest | None
    error: str = ""
    advice: str = ""
    pictures: tuple[Picture, ...] = ()


class Page(Protocol):
    """What a tab may ask of the program. Errors are TaffyErrors: show their message."""

    def submit(self, request: GenerationRequest, owner: str) -> str:
        """Put a job in the queue; returns its id. Raises BadRequest, QueueFull."""
        ...

    def accept(self, request: GenerationRequest, owner: str) -> tuple[object, Sequence[str]]:
        """The same; returns the job, and what became different from what was asked for, in plain words."""
        ...

    def cancel(self, job_id: str, owner: str) -> None: ...

    def checkpoints(self, owner: str = "") -> Sequence[CheckpointCard]:
        """Those that can be used; somebody's own default one comes first."""
        ...

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

    def vae_names(self) -> Sequence[str]:
        """VAEs in files of their own that can take the place of a checkpoint's."""
        ...

    def without_words(self, prompt: str) -> Sequence[tuple[str, str]]:
        """Each word of a prompt in order, and the prompt without it."""
        ...

    def sampler_names(self) -> Sequence[str]:
        """The samplers that can be chosen, those of extensions included."""
        ...


class Desk(Page, Protocol):
    """What one extension's front half works with. Callable from any thread."""

    @property
    def extension(self) -> str: ...

    @property
    def folder(self) -> Path:
        """The extension's own folder for what it keeps; in the data folder, not among its code."""
        ...

    @property
    def models_folders(self) -> Sequence[Path]:
        """Folders with kinds of weights in them ("ControlNet", "Lora" ...), Taffy's own first."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """The values of the extension's own settings, by name."""
        ...

    def ask(
        self, job_id: str, name: str, payload: Message = None, data: Mapping[str, bytes] | None = None
    ) -> Iterator[Answered]:
        """Ask the worker half (hook `answer`), between jobs. Close the iterator to stop it.

        job_id: the job it is about, or empty. data: bytes that go along.
        Raises Busy when the engine has no time, BadExtension when the worker half fails or takes too long."""
        ...

    def say(self, job_id: str, message: Message) -> None:
        """Say something to the worker half's technique in a running job (`EngineJob.heard`)."""
        ...

    def attach(self, job_id: str, key: str, data: bytes) -> None:
        """Keep data with a job's record; an earlier piece with this key is replaced. Raises NotThere, CannotSave."""
        ...

    def attached(self, job_id: str, key: str) -> bytes:
        """A piece that was kept. Raises NotThere."""
        ...

    def attachments(self, job_id: str) -> Sequence[str]:
        """The keys of what was kept with a job."""
        ...

    def detach(self, job_id: str, key: str) -> None:
        """Throw a piece away; one that is not there is gone already."""
        ...

    def pieces(self) -> Sequence[Piece]:
        """Everything the extension has kept with any job, oldest first: for those who mind how much that is."""
        ...

    def owner_of(self, job_id: str) -> str:
        """Whose job it is, for hooks that only hear its id. Raises NotThere."""
        ...

    def job(self, job_id: str, owner: str) -> JobCard:
        """Raises NotThere, also for jobs of others."""
        ...

    def picture(self, picture_id: str, owner: str) -> Picture:
        """Raises NotThere, also for pictures of others."""
        ...

    def png(self, picture_id: str, owner: str) -> bytes:
        """A picture's file. Raises NotThere."""
        ...

    def bring(self, picture: bytes, owner: str) -> str:
        """Keep an input picture (PNG, JPEG, WebP); its id goes into a request. Raises BadRequest, CannotSave."""
        ...

    def inputs(self, request: GenerationRequest, owner: str) -> Mapping[str, bytes]:
        """All input pictures that a request names, by id. Raises NotThere."""
        ...

    def adopt(self, picture: bytes, request: GenerationRequest, facts: Mapping[str, str], owner: str) -> Picture:
        """Put a picture (PNG) that was made elsewhere into the gallery, with a job of its own, which is done. request,
        facts: what makes it and what else is known of it. Raises BadRequest, CannotSave."""
        ...

    def input_png(self, input_id: str, owner: str) -> bytes:
        """An input picture. Raises NotThere."""
        ...


@dataclass(frozen=True)
class Tab:
    """A tab of the page: id, the words on it, its place from the left, and what lays it out inside a Blocks."""

    id: str
    label: str
    order: int
    build: Callable[[Desk], None]
    extension: str = ""  # filled in by the host


@dataclass(frozen=True)
class Outcome:
    """What a button did: a sentence for the person, and where to look further: a path on this server, or
    "#..." for a place on the page, which scripts of the extension hear of as `hashchange`."""

    text: str = ""
    link: str = ""


@dataclass(frozen=True)
class Button:
    """A button under every finished picture. press: what it does, raising TaffyErrors to refuse. watch: the same for a
    running job, beside the live picture and in the queue; None: it is not there."""

    name: str
    label: str
    press: Callable[[Picture, Desk], Outcome]
    info: str = ""
    watch: Callable[[JobCard, Desk], Outcome] | None = None
    extension: str = ""  # filled in by the host


@dataclass(frozen=True)
class Call:
    """A request over HTTP from somebody whom the guard let in. here: the owner, at Taffy's own computer; only they may
    name folders of it."""

    owner: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    here: bool = False

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """The answer to a call. An iterable body is sent piece by piece. kind: the media type."""

    body: bytes | Iterable[bytes]
    kind: str = "application/json"
    status: int = 200

    @staticmethod
    def json(value: object, status: int = 200) -> Reply:
        return Reply(json.dumps(value).encode(), status=status)

    @staticmethod
    def html(text: str) -> Reply:
        return Reply(text.encode(), "text/html; charset=utf-8")


@dataclass(frozen=True)
class Route:
    """A route at /extensions/<extension>/api/<path>, for the owner of the page. TaffyErrors become their sentence."""

    method: Literal["GET", "POST"]
    path: str
    answer: Callable[[Call, Desk], Reply]
    extension: str = ""  # filled in by the host


@dataclass(frozen=True)
class Column:
    """Something to show of every picture in lists: its name for machines, for people, and what it says of one."""

    name: str
    label: str
    value: Callable[[Picture], str]
    extension: str = ""  # filled in by the host
