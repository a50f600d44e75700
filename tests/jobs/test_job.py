"""What a job is called, and what a worker is given for it."""

from __future__ import annotations

from typing import Any

import pytest

from modules.core.errors import NotThere
from modules.core.request import GenerationRequest
from modules.core.requests import AnyRequest
from modules.core.task import Generate, Upscale
from modules.core.upscaling import UpscaleRequest
from modules.jobs.job import Job, task_of

STORE = {("cat", "local"): b"a cat", ("mask", "local"): b"a mask"}


def job(request: AnyRequest) -> Job:
    return Job("j", "local", request, attempts=1, created=0.0)


def read(input_id: str, owner: str) -> bytes:
    if (input_id, owner) not in STORE:
        raise NotThere(f"there is no {input_id}")
    return STORE[input_id, owner]


def test_a_job_with_words_is_called_by_them() -> None:
    assert job(GenerationRequest(prompt="a cat")).title == "a cat"


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"scale": 2.5}, "Upscale 2.5× with Lanczos"),
        ({"width": 640, "height": 480}, "Upscale to 640 × 480 with Lanczos"),
        ({"width": 640}, "Upscale to 640 × any with Lanczos"),
    ],
)
def test_a_job_without_words_is_called_by_what_it_does(values: dict[str, Any], title: str) -> None:
    assert job(UpscaleRequest("upscale", "cat", **values)).title == title


def test_a_worker_gets_every_picture_the_request_names() -> None:
    task = task_of(job(GenerationRequest(image="cat", mask="mask", seed=1)), 0, read)
    assert task.inputs == {"cat": b"a cat", "mask": b"a mask"}


def test_a_picture_made_larger_is_a_task_of_its_own() -> None:
    request = UpscaleRequest("upscale", "cat")
    assert task_of(job(request), 0, read) == Upscale("j", request, {"cat": b"a cat"})


def test_a_picture_that_is_gone_is_named() -> None:
    with pytest.raises(NotThere, match="there is no dog"):
        task_of(job(GenerationRequest(image="dog")), 0, read)


def test_after_a_crash_only_the_rest_is_asked_for() -> None:
    task = task_of(job(GenerationRequest(seed=7, count=5)), 2, read)
    assert isinstance(task, Generate)
    assert (task.request.seed, task.request.count) == (9, 3)


def test_variations_go_on_from_the_variation_seed() -> None:
    request = GenerationRequest(seed=7, variation_seed=100, variation_strength=0.2, count=5)
    task = task_of(job(request), 2, read)
    assert isinstance(task, Generate)
    assert (task.request.seed, task.request.variation_seed, task.request.count) == (7, 102, 3)
