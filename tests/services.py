"""Torch-free services for a worker process to run: what they do is told by the prompt of the task."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator

from modules.core.events import Event, Failed, Finished, PictureMade, Stepped
from modules.core.request import GenerationRequest
from modules.core.task import Generate, Task


class CountingService:
    """Counts the steps of a request, 10 ms each, and makes grey pictures. Prompts "die" and "fail" do so at step 2."""

    def __init__(self, config: object) -> None:
        self.config = config

    def run(self, task: Task) -> Generator[Event, None, None]:
        if isinstance(task, Generate):
            yield from self._generate(task.id, task.request)
        yield Finished(task.id, 0.0)

    def _generate(self, task: str, request: GenerationRequest) -> Generator[Event, None, None]:
        for step in range(1, request.steps + 1):
            time.sleep(0.01)
            if step == 2 and request.prompt == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if step == 2 and request.prompt == "fail":
                yield Failed(task, "BadRequest", "asked to fail")
                return
            yield Stepped(task, 0, step, request.steps, 1.0, 0.01)
        yield PictureMade(task, 0, request.seed, 8, 8, bytes(192))
