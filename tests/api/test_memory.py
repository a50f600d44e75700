"""What the page says of memory, and giving it back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modules.api.memory import Memory, held
from modules.app import App, build
from modules.choosing import change_machine
from modules.core.events import Loaded
from modules.core.settings import Settings
from modules.core.task import Load
from modules.dispatch import Dispatcher
from tests.api.conftest import Server
from tests.workers import NOISE_CARD, NoiseConfig, noise_worker

TAKEN = 100_000_000  # bytes
CHILD = f"taken = b'1' * {TAKEN}; print('there', flush=True); input()"


def test_this_process_and_all_it_started_are_counted_together() -> None:
    before = held()
    grandparent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", grandparent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        assert held() - before > TAKEN
        process.communicate(b"\n")


def test_it_is_read_at_most_every_two_seconds() -> None:
    memory = Memory()
    assert memory.now() is memory.now()
    before = memory.now()
    memory._read_at -= 3
    assert memory.now() is not before


def test_this_computer_has_more_than_this_process_holds() -> None:
    memory = Memory().now()
    assert 20_000_000 < memory["used"] < memory["total"]


def test_the_page_asks_for_it(server: Server) -> None:
    assert server.client.get("/memory").json().keys() == {"used", "total"}


def test_unload_is_answered_when_the_memory_is_given_back(server: Server) -> None:
    assert server.client.post("/memory/unload").json() == {"unloaded": True}


def test_whoever_asks_during_a_long_job_is_told_and_need_not_wait(
    monkeypatch: pytest.MonkeyPatch, serve: Iterator[Server]
) -> None:
    monkeypatch.setattr("modules.api.memory.PATIENCE", 0.05)
    server = serve(NoiseConfig(0.2))  # type: ignore[operator]
    job = server.client.post("/jobs", json={"prompt": "a cat", "steps": 3, "width": 64, "height": 64}).json()["id"]
    while server.client.get(f"/jobs/{job}").json()["state"] == "waiting":
        pass
    assert server.client.post("/memory/unload").json() == {"unloaded": False}
    server.ended(job)
    questions = server.app.extending.questions
    while questions._waiting[0]:
        pass  # it is done as soon as the job has ended


def test_weights_that_lay_idle_long_enough_are_given_back(server: Server) -> None:
    dispatcher = Dispatcher(server.app)
    assert dispatcher._patience() is None
    change_machine(server.app, {"unload_after": 5})
    server.app.watchers.follow(Loaded("load", NOISE_CARD, 0.0))
    patience = dispatcher._patience()
    assert patience is not None
    assert 299 < patience <= 300
    dispatcher._worked -= 301
    assert dispatcher._patience() == 0


@pytest.fixture
def resting(tmp_path: Path) -> Iterator[App]:
    """An app whose dispatcher does not run."""
    settings = Settings(data_dir=tmp_path, models_dirs=(tmp_path / "models",), unload_after=5)
    app = replace(build(settings), worker=noise_worker())
    yield app
    app.queue.journal.close()
    app.gallery.close()


def test_what_somebody_has_just_loaded_is_not_idle_however_long_nothing_was_made(resting: App) -> None:
    dispatcher = Dispatcher(resting)
    dispatcher._worked -= 1000
    resting.extending.questions.put(Load("load", "noise"))
    dispatcher._answer()
    patience = dispatcher._patience()
    assert patience is not None
    assert patience > 299
