"""What goes into a worker: a closed union of values. No paths, no tensors, no shared memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modules.core.extensions import Message
from modules.core.request import GenerationRequest
from modules.core.upscaling import UpscaleRequest

PROTOCOL_VERSION = 1


@dataclass(frozen=True)
class Generate:
    """Make the pictures of a request. `id` is the job's.

    inputs: the pictures that the request names by id (image, mask, style ...), each a PNG, upright.
    packed: what front halves of extensions give their worker halves along, by "<extension>.<name>".
    made: pictures of the job that were made before, by an attempt that was cut short; the request is for the others.
    """

    id: str
    request: GenerationRequest
    inputs: Mapping[str, bytes] = field(default_factory=dict)
    packed: Mapping[str, bytes] = field(default_factory=dict)
    made: int = 0


def rest_of(task: Generate, made: int) -> Generate:
    """The same without its first pictures, which are there."""
    request = task.request
    seed = "variation_seed" if request.variation_strength else "seed"
    values: dict[str, Any] = {"count": request.count - made, seed: getattr(request, seed) + made}
    rest = replace(request, variants=request.variants[made:], **values)
    return replace(task, request=rest, made=task.made + made)


@dataclass(frozen=True)
class Upscale:
    """Make one picture larger. inputs: as in `Generate`."""

    id: str
    request: UpscaleRequest
    inputs: Mapping[str, bytes]


@dataclass(frozen=True)
class Encode:
    """Show what a request starts from: the input picture after the VAE's round trip, and noised to its strength.

    Answered by two `Shown` events, "round trip" and "noised start".
    """

    id: str
    request: GenerationRequest
    inputs: Mapping[str, bytes]


@dataclass(frozen=True)
class Load:
    """Get a checkpoint ready, by name."""

    id: str
    checkpoint: str


@dataclass(frozen=True)
class Unload:
    """Give the memory of all weights back."""

    id: str


@dataclass(frozen=True)
class Attend:
    """From now on compute attention with this kernel: "automatic" or a name."""

    id: str
    kernel: str


@dataclass(frozen=True)
class Describe:
    """Ask what this worker is and can do."""

    id: str


@dataclass(frozen=True)
class Ask:
    """A question of an extension's front half to its worker half; answered by any number of `Answered` events.

    job: id of the job it is about, or empty. data: bytes that belong to the question, by name.
    """

    id: str
    extension: str
    name: str
    payload: Message = None
    job: str = ""
    data: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Switch:
    """Use all extensions that are there but these, at once; answered as `Describe` is."""

    id: str
    off: tuple[str, ...] = ()


@dataclass(frozen=True)
class LookIn:
    """From now on these are the models folders, as text: those of the worker's own computer."""

    id: str
    models_dirs: tuple[str, ...]


Task = Generate | Upscale | Encode | Load | Unload | Attend | LookIn | Describe | Ask | Switch
