"""One contract for every worker: the in-process and the spawned one, with and without real weights."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from modules.core.errors import WorkerLost
from modules.core.events import Cancelled, Described, Ending, Event, Failed, Finished, PictureMade, Stepped
from modules.core.request import GenerationRequest
from modules.core.task import Describe, Generate, Load
from modules.core.worker import Worker
from modules.worker.config import WorkerConfig
from modules.worker.local import LocalWorker
from modules.worker.process import ProcessWorker, build_service
from tests.services import CountingService

REQUEST = GenerationRequest(checkpoint="tiny", prompt="a cat", width=64, height=64, steps=4, seed=7)


def counting_local(models: Path) -> Worker:
    return LocalWorker(partial(CountingService, None))


def counting_process(models: Path) -> Worker:
    return ProcessWorker(None, CountingService)


def real_local(models: Path) -> Worker:
    return LocalWorker(partial(build_service, real_config(models)))


def real_process(models: Path) -> Worker:
    return ProcessWorker(real_config(models))


def real_config(models: Path) -> WorkerConfig:
    return WorkerConfig((str(models),), str(models / "cache"), use_cpu=True, precision="fp32", threads=1)


KINDS = [counting_local, counting_process, real_local, real_process]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def worker(request: pytest.FixtureRequest, tiny_models: Path) -> Iterator[Worker]:
    build: Callable[[Path], Worker] = request.param
    one = build(tiny_models)
    yield one
    one.close()


def changed(**values: object) -> GenerationRequest:
    from dataclasses import replace

    return replace(REQUEST, **values)  # type: ignore[arg-type]


def test_a_job_gives_each_step_then_the_picture_then_one_ending(worker: Worker) -> None:
    events = list(worker.run(Generate("job", REQUEST)))
    steps = [event.step for event in events if isinstance(event, Stepped)]
    pictures = [event for event in events if isinstance(event, PictureMade)]
    assert steps == [1, 2, 3, 4]
    assert [(picture.index, picture.seed) for picture in pictures] == [(0, 7)]
    assert len(pictures[0].rgb) == pictures[0].width * pictures[0].height * 3
    assert [event for event in events if isinstance(event, Ending)] == [events[-1]]
    assert isinstance(events[-1], Finished)


def test_what_is_said_to_a_task_that_does_not_run_is_heard_by_nobody(worker: Worker) -> None:
    worker.say("another", "inside", "watch")
    assert isinstance(list(worker.run(Generate("job after that", REQUEST)))[-1], Finished)


def test_every_event_says_whose_it_is(worker: Worker) -> None:
    assert {event.task for event in worker.run(Generate("this one", REQUEST))} == {"this one"}


def test_closing_early_stops_the_work_and_the_next_job_runs(worker: Worker) -> None:
    events = worker.run(Generate("long", changed(steps=150)))
    next(event for event in events if isinstance(event, Stepped))
    events.close()
    assert isinstance(list(worker.run(Generate("next", REQUEST)))[-1], Finished)


def test_cancel_from_another_thread_stops_within_a_step(worker: Worker) -> None:
    seen: list[Event] = []
    for event in worker.run(Generate("long", changed(steps=150))):
        seen.append(event)
        if isinstance(event, Stepped) and event.step == 3:
            thread = threading.Thread(target=worker.cancel, args=("long",))
            thread.start()
            thread.join()
    assert isinstance(seen[-1], Cancelled)
    assert sum(isinstance(event, Stepped) for event in seen) < 15
    assert not any(isinstance(event, PictureMade) for event in seen)


def test_a_job_cancelled_before_it_began_makes_nothing(worker: Worker) -> None:
    worker.cancel("never")
    time.sleep(0.1)  # a pipe takes its time
    events = list(worker.run(Generate("never", REQUEST)))
    assert isinstance(events[-1], Cancelled)
    assert not any(isinstance(event, PictureMade) for event in events)


def test_cancelling_an_unknown_job_does_nothing(worker: Worker) -> None:
    worker.cancel("nobody")
    assert isinstance(list(worker.run(Generate("somebody", REQUEST)))[-1], Finished)


REAL = pytest.mark.parametrize("worker", KINDS[2:], indirect=True, ids=lambda kind: kind.__name__)


@REAL
def test_describe_tells_what_the_worker_can_do(worker: Worker) -> None:
    described = next(event for event in worker.run(Describe("who")) if isinstance(event, Described))
    assert described.card.device == "cpu"
    assert {"Euler", "DPM++ 2M"} <= set(described.card.samplers)


@REAL
def test_an_unknown_checkpoint_is_a_failure_with_its_name_not_an_exception(worker: Worker) -> None:
    last = list(worker.run(Load("load", "no such file")))[-1]
    assert isinstance(last, Failed)
    assert "no such file" in last.message


@REAL
def test_the_same_job_gives_the_same_picture_and_another_seed_another(worker: Worker) -> None:
    def picture(job: str, seed: int) -> bytes:
        events = list(worker.run(Generate(job, changed(seed=seed))))
        return next(event.rgb for event in events if isinstance(event, PictureMade))

    assert picture("first", 7) == picture("again", 7)
    assert picture("third", 7) != picture("other", 8)


@pytest.fixture
def process() -> Iterator[ProcessWorker]:
    one = ProcessWorker(None, CountingService)
    yield one
    one.close()


def test_a_killed_process_is_reported_and_the_next_job_has_a_new_one(process: ProcessWorker) -> None:
    with pytest.raises(WorkerLost, match="killed"):
        list(process.run(Generate("job", changed(prompt="die"))))
    assert isinstance(list(process.run(Generate("again", REQUEST)))[-1], Finished)


def test_kill_9_from_outside_is_noticed_while_idle(process: ProcessWorker) -> None:
    list(process.run(Generate("job", REQUEST)))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert isinstance(list(process.run(Generate("again", REQUEST)))[-1], Finished)


def test_close_during_a_job_ends_it_soon(process: ProcessWorker) -> None:
    events = process.run(Generate("job", changed(steps=150)))
    next(events)
    threading.Timer(0.1, process.close).start()
    began = time.monotonic()
    with pytest.raises(WorkerLost):
        list(events)
    assert time.monotonic() - began < 3


def test_the_process_ends_when_its_front_is_gone(process: ProcessWorker) -> None:
    pipe = process.start()
    list(process.run(Generate("job", REQUEST)))
    child = process._process
    assert child is not None
    pipe.close()
    child.join(5)
    assert child.exitcode == 0
