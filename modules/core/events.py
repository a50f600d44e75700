"""What comes out of a worker: a closed union of values. Every stream ends with exactly one `Ending`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modules.core.extensions import Fault, Message
from modules.core.family import CheckpointCard
from modules.core.task import PROTOCOL_VERSION


@dataclass(frozen=True)
class Loading:
    """Bytes of a checkpoint read so far."""

    task: str
    checkpoint: str
    done: int
    total: int


@dataclass(frozen=True)
class Loaded:
    """A checkpoint is ready; seconds it took (0 if it was already there)."""

    task: str
    card: CheckpointCard
    seconds: float


@dataclass(frozen=True)
class Frame:
    """A picture of an unfinished latent (or of several, side by side): a JPEG, its pixel size, how it was made."""

    jpeg: bytes
    width: int
    height: int
    method: str


@dataclass(frozen=True)
class Stepped:
    """Step `step` (1-based) of `steps` is done for the pictures that start at `first_picture` (0-based).

    seconds: how long this step took. frame: the newest preview, None when one was skipped to keep up.
    """

    task: str
    first_picture: int
    step: int
    steps: int
    sigma: float
    seconds: float
    frame: Frame | None = None


@dataclass(frozen=True)
class Shown:
    """Something to look at on the way that is no result: "round trip", "noised start"."""

    task: str
    name: str
    frame: Frame


@dataclass(frozen=True)
class PictureMade:
    """A finished picture: 8-bit RGB rows, top to bottom; len(rgb) == width * height * 3.

    alpha: its opacity, a byte a pixel; empty for a picture that is opaque everywhere.
    facts: what the record should say beyond the request, in A1111's names where they exist.
    """

    task: str
    index: int
    seed: int
    width: int
    height: int
    rgb: bytes
    facts: Mapping[str, str] = field(default_factory=dict)
    alpha: bytes = b""


@dataclass(frozen=True)
class WorkerCard:
    """What a worker is and can do.

    placement, why_placement: how weights are spread over device and RAM, and the reason. ram_budget: bytes for
    checkpoints that wait. waiting: their names, the next to be used last. prepared, prepared_budget: bytes of prepared
    copies on disk, and how many there may be; 0 makes none.
    """

    device: str
    precision: str
    attention: str
    why_attention: str
    families: tuple[str, ...]
    samplers: tuple[str, ...]
    schedules: tuple[str, ...]
    previews: tuple[str, ...]
    loaded: str = ""  # name of the loaded checkpoint
    faults: tuple[Fault, ...] = ()  # of extensions, one for each hook
    kernels: tuple[str, ...] = ()
    upscalers: tuple[str, ...] = ()
    placement: str = ""
    why_placement: str = ""
    ram_budget: int = 0
    waiting: tuple[str, ...] = ()
    prepared: int = 0
    prepared_budget: int = 0
    protocol: int = PROTOCOL_VERSION


@dataclass(frozen=True)
class Described:
    task: str
    card: WorkerCard


@dataclass(frozen=True)
class Told:
    """An extension's worker half has something to say about a job to its front half (`hear`)."""

    task: str
    extension: str
    message: Message


@dataclass(frozen=True)
class Attached:
    """An extension's worker half wants this kept with the job's record, under its name and this key."""

    task: str
    extension: str
    key: str
    data: bytes


@dataclass(frozen=True)
class Answered:
    """One piece of an answer to `Ask`: something in JSON, and bytes where those say it better."""

    message: Message = None
    data: bytes = b""
    task: str = ""  # filled in by the worker


@dataclass(frozen=True)
class Faulted:
    """A hook of an extension's worker half failed; the task goes on without it."""

    task: str
    fault: Fault


@dataclass(frozen=True)
class Hung:
    """A hook did not come back: the task is lost, and the worker ends itself after this event."""

    task: str
    fault: Fault


@dataclass(frozen=True)
class Finished:
    """The task is done."""

    task: str
    seconds: float


@dataclass(frozen=True)
class Cancelled:
    """The task was stopped because somebody asked."""

    task: str


@dataclass(frozen=True)
class Failed:
    """The task cannot be done: class name of the error, the sentence for the person, what to try."""

    task: str
    error: str
    message: str
    advice: str = ""


Ending = Finished | Cancelled | Failed | Hung
Event = Loading | Loaded | Stepped | Shown | PictureMade | Described | Told | Attached | Answered | Faulted | Ending
