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
from modules.worker.cards import Missing
from modules.worker.local import LocalWorker
from tests.workers import noise_process, noise_worker


class Recorder(Watchers):
    """Remembers every status there was."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[WorkerStatus] = []

    def worker_is(self, status: WorkerStatus, device: int = 0) -> None:
        super().worker_is(status, device)
        self.seen.append(status)

    def follow(self, event: Loading | Loaded | Described | Stepped | Shown, device: int = 0) -> None:
        super().follow(event, device)
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
    assert wake(noise_worker(), Load("warm-up", "noise"), watchers.follow) == WorkerStatus("ready")
    assert watchers.seen == [WorkerStatus("starting", "Loading noise", 1, 2), WorkerStatus("starting")]


def test_a_worker_that_cannot_do_the_first_task_is_ready_and_says_why() -> None:
    status = wake(noise_worker(), Generate("warm-up", GenerationRequest(prompt="fail")), Recorder().follow)
    assert status == WorkerStatus("ready", "asked to fail")


def test_a_worker_that_dies_while_it_starts_has_failed() -> None:
    worker = noise_process()
    status = wake(worker, Generate("warm-up", GenerationRequest(prompt="die")), Recorder().follow)
    worker.close()
    assert status.state == "failed"
    assert "killed" in status.message


def test_a_worker_whose_card_is_not_there_has_failed_and_says_so() -> None:
    status = wake(LocalWorker(lambda: Missing(1)), Load("warm-up", "noise"), Recorder().follow)
    assert (status.state, "no graphics card number 2" in status.message) == ("failed", True)
