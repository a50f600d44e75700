"""What a job is. How it is kept, and who makes its pictures, is written elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from modules.core.request import GenerationRequest
from modules.core.requests import AnyRequest, input_ids
from modules.core.task import Generate, Upscale, rest_of
from modules.core.upscaling import UpscaleRequest

MAX_ATTEMPTS = 2

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Job:
    """A request with a name and a fate.

    id: unguessable, the only key to its preview. attempts: how often a worker has begun it. created: seconds since
    1970. error: why it failed, or why it was put back; advice: what to try.
    """

    id: str
    owner: str
    request: AnyRequest
    attempts: int
    created: float
    state: JobState = "waiting"
    error: str = ""
    advice: str = ""

    @property
    def title(self) -> str:
        """What to call it in a list: its prompt, or what it does without words."""
        request = self.request
        if isinstance(request, GenerationRequest):
            return request.prompt
        sides = " × ".join(str(side or "any") for side in (request.width, request.height))
        larger = f"to {sides}" if request.width or request.height else f"{request.scale:g}×"
        return f"Upscale {larger} with {request.upscaler}"

    @property
    def checkpoint(self) -> str:
        """The one it needs; empty if it needs none."""
        request = self.request
        if isinstance(request, UpscaleRequest) or request.style_mode == "colour":
            return ""
        return request.checkpoint

    @property
    def count(self) -> int:
        """How many pictures it makes."""
        return self.request.count if isinstance(self.request, GenerationRequest) else 1

    @property
    def batch_size(self) -> int:
        """How many of them at a time."""
        return self.request.batch_size if isinstance(self.request, GenerationRequest) else 1


def task_of(
    job: Job, made: int, read: Callable[[str, str], bytes], packed: Mapping[str, bytes] | None = None
) -> Generate | Upscale:
    """What a worker has to do for a job of which `made` pictures are there. read(input id, owner): the PNG.

    packed: what extensions give along.

    Raises NotThere if an input picture is gone.
    """
    inputs = {id: read(id, job.owner) for id in input_ids(job.request)}
    request = job.request
    if isinstance(request, UpscaleRequest):
        return Upscale(job.id, request, inputs)
    return rest_of(Generate(job.id, request, inputs, packed or {}), made)
