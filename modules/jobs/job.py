"""What a job is. How it is kept, and who makes its pictures, is written elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modules.core.request import GenerationRequest

LOCAL_OWNER = "local"  # the one person at this machine, until there are accounts
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
    request: GenerationRequest
    attempts: int
    created: float
    state: JobState = "waiting"
    error: str = ""
    advice: str = ""
