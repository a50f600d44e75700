"""Questions to a running app that its tests ask over and over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from modules.app import App
from modules.core.request import GenerationRequest
from modules.jobs.job import Job
from tests.workers import NoiseConfig

ME = "local"
SLOW = NoiseConfig(step_seconds=0.02)
CAT = GenerationRequest(prompt="a cat", steps=4, seed=7, width=32, height=32)

Start = Callable[..., App]
"""start(worker, packages, **settings): see the fixture."""


def until(true: Callable[[], Any], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def job(app: App, job_id: str) -> Job:
    return app.queue.journal.get(job_id, ME)


def asked(app: App, job_id: str) -> GenerationRequest:
    """What a job with words was accepted as."""
    request = job(app, job_id).request
    assert isinstance(request, GenerationRequest)
    return request


def ended(app: App, job_id: str) -> Job:
    until(lambda: job(app, job_id).state not in {"waiting", "running"})
    return job(app, job_id)


def stepping(app: App) -> bool:
    view = app.view(ME)
    return view is not None and view.step > 0
