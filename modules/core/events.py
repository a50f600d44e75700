"""What comes out of a worker: a closed union of values. Every stream ends with exactly one `Ending`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """What a worker is and can do."""

    device: str
    precision: str
    attention: str
    why_attention: str
    families: tuple[str, ...]
    samplers: tuple[str, ...]
    schedules: tuple[str, ...]
    previews: tuple[str, ...]
    loaded: str = ""  # name of the loaded checkpoint
    faults: tuple[str, ...] = ()  # extensions that could not be loaded, one sentence each
    protocol: int = PROTOCOL_VERSION


@dataclass(frozen=True)
class Described:
    task: str
    card: WorkerCard


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


Ending = Finished | Cancelled | Failed
Event = Loading | Loaded | Stepped | Shown | PictureMade | Described | Ending
