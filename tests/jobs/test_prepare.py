"""What a watcher is told before the first job can run."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event as Flag

from modules.core.events import Described, Loaded, Loading, Shown, Stepped
from modules.core.request import GenerationRequest
from modules.core.task import Generate, Load
from modules.installing import InstallProgress
from modules.jobs.prepare import Packages, Progress, install, wake
from modules.jobs.watch import Watchers, WorkerStatus
from tests.workers import noise_process, noise_worker


class Recorder(Watchers):
    """Remembers every status there was."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[WorkerStatus] = []

    def worker_is(self, status: WorkerStatus) -> None:
        super().worker_is(status)
        self.seen.append(status)

    def follow(self, event: Loading | Loaded | Described | Stepped | Shown) -> None:
        super().follow(event)
        self.seen.append(self.worker)


class TwoPackages(Packages):
    def __init__(self, needed: bool) -> None:
        self.left = 2 if needed else 0

    def needed(self) -> bool:
        return self.left > 0

    def run(self) -> Iterator[Progress]:
        while self.left:
            self.left -= 1
            yield InstallProgress(10 - 5 * self.left, 10, 3.0 * self.left, f"package {2 - self.left}")


def test_an_installation_is_told_in_bytes_and_seconds() -> None:
    watchers = Recorder()
    install(TwoPackages(needed=True), watchers, Flag())
    assert watchers.seen == [
        WorkerStatus("installing"),
        WorkerStatus("installing", "package 1", 5, 10, 3.0),
        WorkerStatus("installing", "package 2", 10, 10, 0.0),
    ]


def test_what_is_there_is_not_installed() -> None:
    watchers = Recorder()
    install(TwoPackages(needed=False), watchers, Flag())
    assert watchers.seen == []


def test_an_installation_ends_when_the_program_stops() -> None:
    packages, stopping = TwoPackages(needed=True), Flag()
    stopping.set()
    install(packages, Recorder(), stopping)
    assert packages.left == 1


def test_waking_loads_a_checkpoint_and_tells_its_bytes() -> None:
    watchers = Recorder()
    wake(noise_worker(), Load("warm-up", "noise"), watchers)
    assert watchers.seen == [
        WorkerStatus("starting", "Loading noise", 1, 2),
        WorkerStatus("starting"),
        WorkerStatus("ready"),
    ]


def test_a_worker_that_cannot_do_the_first_task_is_ready_and_says_why() -> None:
    watchers = Recorder()
    wake(noise_worker(), Generate("warm-up", GenerationRequest(prompt="fail")), watchers)
    assert watchers.worker == WorkerStatus("ready", "asked to fail")


def test_a_worker_that_dies_while_it_starts_has_failed() -> None:
    worker, watchers = noise_process(), Recorder()
    wake(worker, Generate("warm-up", GenerationRequest(prompt="die")), watchers)
    worker.close()
    assert watchers.worker.state == "failed"
    assert "killed" in watchers.worker.message
