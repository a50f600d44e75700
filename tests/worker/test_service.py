"""What a worker says when a task cannot be done."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from modules.core.events import Failed, Finished, Shown
from modules.core.moments import StepState
from modules.core.request import GenerationRequest
from modules.core.task import Encode, Generate, Load
from modules.hooks import hookimpl
from modules.worker.config import WorkerConfig
from modules.worker.service import Service

REQUEST = GenerationRequest(checkpoint="tiny", width=64, height=64, steps=2, seed=1)


@pytest.fixture
def service(tiny_models: Path, tmp_path: Path) -> Service:
    return Service(WorkerConfig((str(tiny_models),), str(tmp_path), use_cpu=True, precision="fp32", threads=1))


def failure(service: Service, error: Exception) -> Failed:
    """How a job ends in whose second step `error` is raised."""

    class Breaks:
        @hookimpl
        def after_step(self, state: StepState) -> None:
            if state.step == 1:
                raise error

    service._host.register(Breaks(), "breaks")
    last = list(service.run(Generate("job", REQUEST)))[-1]
    assert isinstance(last, Failed)
    return last


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_a_lack_of_memory_is_explained_and_the_weights_are_given_back(service: Service, error: Exception) -> None:
    failed = failure(service, error)
    assert failed.error == "OutOfMemory"
    assert "not enough memory" in failed.message
    assert failed.advice
    assert service.card().loaded == ""


def test_any_other_error_is_told_and_the_next_task_runs(service: Service) -> None:
    assert "a bug" in failure(service, ValueError("a bug")).message
    assert isinstance(list(service.run(Load("next", "tiny")))[-1], Finished)


def test_what_a_request_starts_from_is_shown_and_nothing_is_made(service: Service) -> None:
    file = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "PNG")
    request = replace(REQUEST, image="picture", strength=0.5)
    events = list(service.run(Encode("look", request, {"picture": file.getvalue()})))
    assert [event.name for event in events if isinstance(event, Shown)] == ["round trip", "noised start"]
    assert isinstance(events[-1], Finished)
