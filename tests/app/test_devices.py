"""Several devices: each job goes where its checkpoint already is, and all of them work and hear what they must know."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from modules.api.view import whole_view
from modules.app import App, build
from modules.choosing import change_machine
from modules.core.events import Answered, Described, Event, Finished, Loaded, WorkerCard
from modules.core.people import OWNER_HERE
from modules.core.request import GenerationRequest
from modules.core.settings import Settings, load_settings
from modules.core.task import Ask, Attend, Generate, Load, LookIn, Switch, Task, Unload
from modules.desk import ExtensionDesk
from modules.jobs.questions import pieces
from modules.manager.index import FOLDER
from modules.worker.cards import Missing
from modules.worker.local import LocalWorker, Runs
from modules.worker.process import ProcessWorker
from tests.app.asking import CAT, ME, ended, until
from tests.headers import header_only
from tests.workers import NOISE_CARD, Installed, NoiseConfig, NoiseService

CARD = WorkerCard("noise", "fp32", "none", "", (), (), (), ())


class Device(NoiseService):
    """Makes noise, says which checkpoint it loads, and remembers what it was asked."""

    def __init__(self, first: str, step_seconds: float = 0.01) -> None:
        super().__init__(NoiseConfig(step_seconds))
        self.loaded, self.swaps = first, 0
        self.made: list[str] = []
        self.heard: list[type] = []

    def run(self, task: Task) -> Generator[Event, None, None]:
        self.heard.append(type(task))
        match task:
            case Generate():
                self.made.append(task.request.checkpoint)
                if task.request.checkpoint != self.loaded:
                    self.loaded, self.swaps = task.request.checkpoint, self.swaps + 1
                yield Loaded(task.id, replace(NOISE_CARD, name=self.loaded), 0.0)
                yield from super().run(task)
                return
            case Ask():
                yield Answered(self.loaded, task=task.id)
            case Unload():
                self.loaded = ""
            case Load() if task.id != "warm-up":
                self.loaded = task.checkpoint
        yield Described(task.id, replace(CARD, loaded=self.loaded))
        yield Finished(task.id, 0.0)


Run = Callable[..., App]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """run(service, service ...) starts an app with a worker for each; there are the checkpoints "x" and "y"."""
    for name in ("x", "y"):
        header_only(tmp_path / "models" / FOLDER / f"{name}.safetensors")
    with ExitStack() as ending:

        def run(*services: Runs) -> App:
            first, *more = [LocalWorker(partial(lambda service: service, service)) for service in services]
            settings = Settings(data_dir=tmp_path / "data", models_dirs=(tmp_path / "models",))
            app = replace(build(settings), worker=first, more_workers=tuple(more), packages=Installed())
            app.start()
            ending.callback(app.close)
            return app

        yield run


@pytest.fixture
def two(run: Run) -> tuple[App, Device, Device]:
    """Two devices that are free; the first has "x" loaded, the second "y"."""
    x, y = Device("x"), Device("y")
    app = run(x, y)
    until(lambda: free(app))
    return app, x, y


def free(app: App) -> bool:
    return len(app.queue._free) == len(app.workers)


def make(app: App, checkpoint: str, seed: int = 1) -> str:
    id = app.submit(replace(CAT, checkpoint=checkpoint, seed=seed), ME)
    assert ended(app, id).state == "done"
    until(lambda: free(app))  # each job has a choice
    return id


def test_jobs_go_where_their_checkpoint_is_and_two_devices_share_the_work(two: tuple[App, Device, Device]) -> None:
    app, x, y = two
    for seed in range(12):
        make(app, "xy"[seed % 2], seed)
    assert [(device.swaps, set(device.made)) for device in (x, y)] == [(0, {"x"}), (0, {"y"})]

    many = [app.submit(replace(CAT, checkpoint="x", seed=seed), ME) for seed in range(8)]
    assert {ended(app, id).state for id in many} == {"done"}
    assert y.swaps == 1  # a device that has nothing of its own to do helps


def test_a_question_about_a_job_goes_to_the_device_that_made_it(two: tuple[App, Device, Device]) -> None:
    app, *_ = two
    for checkpoint in "yxy":
        job = make(app, checkpoint)
        assert [piece.message for piece in ExtensionDesk(app, "x").ask(job, "what do you have?")] == [checkpoint]


def test_what_every_device_must_know_reaches_every_device(two: tuple[App, Device, Device], tmp_path: Path) -> None:
    app, *devices = two
    (tmp_path / "more").mkdir()
    for device in devices:
        device.heard.clear()
    change_machine(app, {"attention": "sdpa", "models_dir": [str(tmp_path / "more")]})
    app.extending.renew()
    app.queue.interrupt()
    until(lambda: all({Attend, LookIn, Switch} <= {*device.heard} for device in devices))
    for question in app.unload():
        list(pieces(question, app.workers[question.device].cancel))
    assert [device.loaded for device in devices] == ["", ""]
    assert app.watchers.checkpoint == ""


def test_a_checkpoint_is_got_ready_on_the_device_that_has_it(two: tuple[App, Device, Device]) -> None:
    app, x, y = two
    y.heard.clear()
    question = app.load("y")
    list(pieces(question, app.workers[question.device].cancel))
    assert (y.heard, x.loaded) == ([Load], "x")


def test_a_running_job_is_stopped_on_the_device_that_makes_it_and_both_are_seen(run: Run) -> None:
    app = run(Device("x", 0.02), Device("y", 0.02))
    until(lambda: free(app))
    long = [app.submit(replace(CAT, checkpoint=name, steps=150), ME) for name in "xy"]
    until(lambda: all(view.frame for view in app.views(ME)) and len(app.views(ME)) == 2)
    state = whole_view(app, OWNER_HERE)
    assert {state["running"]["id"], *(job["id"] for job in state["others"])} == {*long}
    app.cancel(long[1], ME)
    assert ended(app, long[1]).state == "cancelled"
    assert app.queue.is_running(long[0])
    app.cancel(long[0], ME)
    ended(app, long[0])


def test_a_card_that_is_not_there_is_said_and_the_other_makes_all_jobs(run: Run) -> None:
    x = Device("x")
    app = run(x, Missing(1))
    until(lambda: "no graphics card number 2" in app.watchers.worker.message)
    until(lambda: app.watchers.worker.state == "ready")
    ids = [app.submit(replace(CAT, checkpoint=name), ME) for name in "xyxy"]
    assert {ended(app, id).state for id in ids} == {"done"}
    assert len(x.made) == 4
    assert len(app.unload()) == 1


def test_the_flag_gives_each_worker_a_device_of_its_own(tmp_path: Path) -> None:
    settings = load_settings(["--devices", "3", "--data-dir", str(tmp_path)], {})
    app = build(settings)
    configs = [worker._config for worker in app.workers if isinstance(worker, ProcessWorker)]
    assert [(config.device, config.devices) for config in configs] == [(0, 3), (1, 3), (2, 3)]  # type: ignore[attr-defined]
    app.queue.journal.close()
    app.gallery.close()


@pytest.mark.long
def test_two_real_workers_make_the_same_pictures_as_one(tmp_path: Path, tiny_models: Path) -> None:
    settings = Settings(data_dir=tmp_path, models_dirs=(tiny_models,), use_cpu=True, threads=1, devices=2)
    app = replace(build(settings), packages=Installed())
    app.start()
    try:
        until(lambda: free(app), 120)
        request: GenerationRequest = replace(CAT, checkpoint="tiny", width=64, height=64)
        jobs = [app.submit(request, ME) for _ in range(4)]
        until(lambda: all(app.queue.journal.get(id, ME).state == "done" for id in jobs), 120)
        assert {app.queue._made[id] for id in jobs} == {0, 1}
        pictures = [app.gallery.file(app.gallery.of_job(id, ME)[0].id, ME).read_bytes() for id in jobs]
        assert len(set(pictures)) == 1
    finally:
        app.close()
