"""The app outlives its worker, itself, and a missing installation; and it never loads what only workers need."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modules.core.errors import TaffyError
from modules.installing import InstallFailed, InstallProgress
from modules.jobs.prepare import Progress
from modules.worker.process import ProcessWorker
from tests.app.asking import CAT, ME, SLOW, Start, ended, job, stepping, until
from tests.workers import Installed, NoiseConfig, noise_process, noise_worker


@pytest.fixture
def mortal() -> ProcessWorker:
    return noise_process(SLOW)


def test_kill_9_of_the_worker_puts_the_job_back_once_and_makes_no_picture_twice(
    start: Start, mortal: ProcessWorker
) -> None:
    app = start(mortal)
    id, after = app.submit(replace(CAT, count=6, steps=5), ME), app.submit(CAT, ME)
    until(lambda: len(app.gallery.of_job(id, ME)) == 2)
    before = app.gallery.of_job(id, ME)[:2]
    assert mortal.pid is not None
    os.kill(mortal.pid, signal.SIGKILL)
    until(lambda: app.watchers.worker.state == "restarting")
    assert "killed" in app.watchers.worker.message
    until(lambda: stepping(app))
    view = app.view(ME)
    assert view is not None
    assert view.picture > 2
    assert (ended(app, id).state, job(app, id).attempts) == ("done", 2)
    pictures = app.gallery.of_job(id, ME)
    assert [picture.seed for picture in pictures] == [7, 8, 9, 10, 11, 12]
    assert pictures[:2] == before
    assert ended(app, after).state == "done"


def test_a_job_that_kills_its_worker_twice_fails_and_the_next_one_works(start: Start, mortal: ProcessWorker) -> None:
    app = start(mortal)
    poison, after = app.submit(replace(CAT, prompt="die"), ME), app.submit(CAT, ME)
    failed = ended(app, poison)
    assert (failed.state, failed.attempts) == ("failed", 2)
    assert "Tried 2 times" in failed.error
    assert "killed" in failed.error
    assert ended(app, after).state == "done"
    until(lambda: app.watchers.worker.state == "ready")


def test_stopping_the_server_keeps_the_running_job_for_the_next_start(start: Start) -> None:
    app = start(noise_worker(SLOW))
    id, waiting = app.submit(replace(CAT, count=8), ME), app.submit(CAT, ME)
    until(lambda: len(app.gallery.of_job(id, ME)) >= 2)
    app = start()
    assert (ended(app, id).state, job(app, id).attempts) == ("done", 1)
    assert [picture.seed for picture in app.gallery.of_job(id, ME)] == list(range(7, 15))
    assert ended(app, waiting).state == "done"


def test_a_job_whose_pictures_are_all_there_is_not_made_again(start: Start) -> None:
    app = start()
    id = app.submit(CAT, ME)
    assert ended(app, id).state == "done"
    app.queue.journal._db.execute("UPDATE job SET state = 'running', attempts = 1")  # killed before it was noted
    before = app.gallery.of_job(id, ME)
    app = start(noise_worker(NoiseConfig(step_seconds=60)))
    assert ended(app, id).state == "done"
    assert app.gallery.of_job(id, ME) == before


class Installing(Installed):
    """Two steps, the second of which waits for the test."""

    def __init__(self, error: TaffyError | None = None) -> None:
        self.error = error
        self.go_on = False

    def needed(self) -> bool:
        return True

    def run(self) -> Iterator[Progress]:
        yield InstallProgress(5, 10, 2.0, "torch")
        until(lambda: self.go_on)
        if self.error:
            raise self.error


def test_jobs_wait_in_the_queue_while_packages_are_installed(start: Start) -> None:
    packages = Installing()
    app = start(packages=packages)
    until(lambda: app.watchers.worker.total == 10)
    status = app.watchers.worker
    assert (status.state, status.done, status.seconds_left, status.message) == ("installing", 5, 2.0, "torch")
    id = app.submit(CAT, ME)
    assert [waiting.id for waiting in app.queue.journal.waiting()] == [id]
    packages.go_on = True
    assert ended(app, id).state == "done"


def test_a_failed_installation_is_told_and_keeps_the_jobs(start: Start) -> None:
    packages = Installing(InstallFailed("the disk is full", "free some space"))
    app = start(packages=packages)
    id = app.submit(CAT, ME)
    packages.go_on = True
    until(lambda: app.watchers.worker.state == "failed")
    assert app.watchers.worker.message == "the disk is full; free some space"
    assert job(app, id).state == "waiting"


FRONT = """
import sys
import time
from dataclasses import replace
from pathlib import Path
from modules.api.server import make_server
from modules.app import build
from modules.core.request import GenerationRequest
from modules.core.settings import Settings
from tests.workers import Installed

settings = Settings(data_dir=Path(sys.argv[1]), models_dirs=(Path(sys.argv[2]),), use_cpu=True, threads=1)
app = replace(build(settings), packages=Installed())
make_server(app)
assert app.checkpoints()
id = app.submit(GenerationRequest(), "local")
if sys.argv[3:] == ["make it"]:
    app.start()
    while app.queue.journal.get(id, "local").state in {"waiting", "running"}:
        time.sleep(0.1)
    print(app.queue.journal.get(id, "local").state)
    app.close()
print({name.partition(".")[0] for name in sys.modules} & {"torch", "diffusers", "transformers", "gradio"})
"""


def run_front(*arguments: object) -> list[str]:
    command = [sys.executable, "-c", FRONT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_front_process_never_imports_torch(tmp_path: Path, models: Path) -> None:
    assert run_front(tmp_path, models) == ["set()"]


@pytest.mark.long
def test_not_even_when_the_real_worker_sends_a_picture(tmp_path: Path, tiny_models: Path) -> None:
    first, *rest = run_front(tmp_path, tiny_models, "make it")
    assert first.startswith("The first picture is ")
    assert rest == ["done", "set()"]
