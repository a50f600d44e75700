"""Two devices: each job goes where its checkpoint already is, and both work at once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from modules.app import build
from modules.core.events import Finished, Loaded
from modules.core.request import GenerationRequest
from modules.core.settings import Settings
from modules.core.task import Generate, Task
from modules.manager.index import FOLDER
from modules.worker.local import LocalWorker
from tests.app.asking import CAT, ended, until
from tests.headers import header_only
from tests.workers import NOISE_CARD, Installed, NoiseConfig, NoiseService


class Device(NoiseService):
    """Makes noise, says which checkpoint it loads, and remembers what it was asked."""

    def __init__(self, first: str) -> None:
        super().__init__(NoiseConfig(step_seconds=0.01))
        self.loaded, self.swaps, self.made = first, 0, []  # type: ignore[var-annotated]

    def run(self, task: Task):  # type: ignore[no-untyped-def]
        if isinstance(task, Generate):
            self.made.append(task.request.checkpoint)
            if task.request.checkpoint != self.loaded:
                self.loaded, self.swaps = task.request.checkpoint, self.swaps + 1
        yield Loaded(task.id, replace(NOISE_CARD, name=self.loaded), 0.0)
        yield from super().run(task) if isinstance(task, Generate) else [Finished(task.id, 0.0)]


def test_jobs_go_where_their_checkpoint_is_and_two_devices_share_the_work(tmp_path: Path) -> None:
    for name in ("x", "y"):
        header_only(tmp_path / "models" / FOLDER / f"{name}.safetensors")
    devices = Device("x"), Device("y")
    workers = [LocalWorker(partial(lambda device: device, device)) for device in devices]
    app = replace(
        build(Settings(data_dir=tmp_path / "data", models_dirs=(tmp_path / "models",))),
        worker=workers[0], more_workers=(workers[1],), packages=Installed(),
    )  # fmt: skip
    app.start()
    try:
        until(lambda: len(app.queue._free) == 2)
        ids = []
        for number in range(12):
            request: GenerationRequest = replace(CAT, checkpoint="xy"[number % 2], seed=number)
            ids.append(app.submit(request, "local"))
            assert ended(app, ids[-1]).state == "done"
            until(lambda: len(app.queue._free) == 2)  # both are free again: each job has a choice
        assert [device.swaps for device in devices] == [0, 0]
        assert [set(device.made) - {""} for device in devices] == [{"x"}, {"y"}]

        many = [app.submit(replace(CAT, checkpoint="x", seed=number), "local") for number in range(8)]
        assert {ended(app, id).state for id in many} == {"done"}
        assert devices[1].swaps == 1  # a device that has nothing of its own to do helps
    finally:
        app.close()


def test_a_running_job_is_stopped_on_the_device_that_makes_it(tmp_path: Path) -> None:
    header_only(tmp_path / "models" / FOLDER / "x.safetensors")
    workers = [LocalWorker(lambda: NoiseService(NoiseConfig(step_seconds=0.02))) for _ in range(2)]
    app = replace(
        build(Settings(data_dir=tmp_path / "data", models_dirs=(tmp_path / "models",))),
        worker=workers[0], more_workers=(workers[1],), packages=Installed(),
    )  # fmt: skip
    app.start()
    try:
        long = [app.submit(replace(CAT, steps=150), "local") for _ in range(2)]
        until(lambda: all(app.queue.device_of(id) is not None for id in long))
        app.cancel(long[1], "local")
        assert ended(app, long[1]).state == "cancelled"
        assert app.queue.is_running(long[0])
        app.cancel(long[0], "local")
        ended(app, long[0])
    finally:
        app.close()
