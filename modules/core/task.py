"""What goes into a worker: a closed union of values. No paths, no tensors, no shared memory."""

from __future__ import annotations

from dataclasses import dataclass

from modules.core.request import GenerationRequest

PROTOCOL_VERSION = 1


@dataclass(frozen=True)
class Generate:
    """Make the pictures of a request. `id` is the job's."""

    id: str
    request: GenerationRequest


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
class Describe:
    """Ask what this worker is and can do."""

    id: str


Task = Generate | Load | Unload | Describe
