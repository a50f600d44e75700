"""Looks: those of several pages are all answered, and every one gets an answer."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future
from io import BytesIO

import pytest
from PIL import Image

from modules.core.errors import BadRequest, Busy, NotThere, WorkerLost
from modules.core.events import Event, Failed, Finished
from modules.core.request import GenerationRequest
from modules.core.task import Task
from modules.core.worker import Worker
from modules.jobs.look import MOST, Frames, Looks, answer
from modules.worker.local import LocalWorker
from tests.workers import noise_worker

REQUEST = GenerationRequest(image="cat")


def png(input_id: str, owner: str) -> bytes:
    if input_id != "cat":
        raise NotThere("it is gone")
    file = BytesIO()
    Image.new("RGB", (20, 10), "red").save(file, "PNG")
    return file.getvalue()


def answered(looks: Looks, worker: Worker) -> None:
    look = looks.take()
    assert look is not None
    answer(look, worker, png, lambda event: None)


class Unable:
    """Fails every task, or dies of it."""

    def __init__(self, dies: bool = False) -> None:
        self.dies = dies

    def run(self, task: Task) -> Generator[Event, None, None]:
        if self.dies:
            raise WorkerLost("The engine stopped.")
        yield Failed(task.id, "BadRequest", "not this one", "try another")
        yield Finished(task.id, 0.0)


def test_a_look_is_answered_with_its_two_frames() -> None:
    looks = Looks()
    found: Future[Frames] = looks.ask("ann", REQUEST)
    answered(looks, noise_worker())
    frames: Mapping[str, object] = found.result(0)
    assert list(frames) == ["round trip", "noised start"]
    assert (found.result(0)["round trip"].width, found.result(0)["round trip"].height) == (20, 10)


def test_two_pages_of_a_person_are_both_answered() -> None:
    looks = Looks()
    both = [looks.ask("ann", REQUEST) for _ in range(2)]
    answered(looks, noise_worker())
    answered(looks, noise_worker())
    assert [found.exception(0) for found in both] == [None, None]


def test_of_too_many_looks_of_a_person_the_oldest_gives_way() -> None:
    looks = Looks()
    bobs = looks.ask("bob", REQUEST)
    oldest, *others = [looks.ask("ann", REQUEST) for _ in range(MOST + 1)]
    with pytest.raises(Busy, match="newer look"):
        oldest.result(0)
    assert not any(found.done() for found in (bobs, *others))
    for _ in (bobs, *others):
        answered(looks, noise_worker())
    assert all(found.done() for found in (bobs, *others)) and looks.take() is None


def test_people_do_not_take_each_others_place() -> None:
    looks = Looks()
    both = looks.ask("ann", REQUEST), looks.ask("bob", REQUEST)
    answered(looks, noise_worker())
    answered(looks, noise_worker())
    assert [found.exception(0) for found in both] == [None, None]


def test_a_look_nobody_waits_for_any_more_is_not_made() -> None:
    looks = Looks()
    looks.ask("ann", REQUEST).cancel()
    assert looks.take() is None


def test_a_refusal_of_the_worker_is_the_answer() -> None:
    looks = Looks()
    found = looks.ask("ann", REQUEST)
    answered(looks, LocalWorker(Unable))
    with pytest.raises(BadRequest, match="not this one"):
        found.result(0)


def test_a_picture_that_is_gone_is_the_answer() -> None:
    looks = Looks()
    found = looks.ask("ann", GenerationRequest(image="dog"))
    answered(looks, noise_worker())
    with pytest.raises(NotThere, match="it is gone"):
        found.result(0)


def test_a_bug_on_this_side_is_the_answer_and_the_next_look_is_made() -> None:
    looks = Looks()
    found = looks.ask("ann", REQUEST)
    look = looks.take()
    assert look is not None
    answer(look, noise_worker(), lambda id, owner: 1 // 0, lambda event: None)  # type: ignore[arg-type, return-value]
    assert isinstance(found.exception(0), ZeroDivisionError)


def test_a_worker_that_dies_is_the_answer_and_the_dispatcher_hears_of_it() -> None:
    looks = Looks()
    found = looks.ask("ann", REQUEST)
    with pytest.raises(WorkerLost):
        answered(looks, LocalWorker(lambda: Unable(dies=True)))
    assert isinstance(found.exception(0), WorkerLost)
