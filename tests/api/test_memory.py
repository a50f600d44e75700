"""What the page says of memory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from modules.api.memory import Memory
from modules.choosing import change_machine
from modules.core.events import Loaded
from modules.dispatch import Dispatcher
from tests.api.conftest import Server
from tests.workers import NOISE_CARD


def process(proc: Path, name: str, kilobytes: int, *children: str) -> None:
    task = proc / name / "task" / name
    task.mkdir(parents=True)
    (task / "children").write_text(" ".join(children) + " ")
    (proc / name / "status").write_text(f"Name:\tpython\nVmRSS:\t {kilobytes} kB\nThreads:\t3\n")


def test_this_process_and_all_it_started_are_counted_together(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:       16000000 kB\nHugePages_Total:       0\n")
    process(tmp_path, str(os.getpid()), 100_000, "7", "gone")
    process(tmp_path, "7", 300_000, "8")
    process(tmp_path, "8", 100_000)
    process(tmp_path, "9", 900_000)
    assert Memory(tmp_path).now() == {"used": 510_000_000, "total": 16_384_000_000}


def test_it_is_read_at_most_every_two_seconds(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:       16000000 kB\n")
    memory = Memory(tmp_path)
    assert (before := memory.now())
    (tmp_path / "meminfo").unlink()
    assert memory.now() == before


def test_a_system_without_proc_says_nothing(tmp_path: Path) -> None:
    assert Memory(tmp_path / "none").now() is None


def test_the_page_asks_for_it(server: Server) -> None:
    assert server.client.get("/memory").status_code == 200


def test_unload_is_answered_when_the_memory_is_given_back(server: Server) -> None:
    assert server.client.post("/memory/unload").json() == {"unloaded": True}


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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc")
def test_this_computer_has_more_than_this_process_holds() -> None:
    memory = Memory().now()
    assert memory is not None
    assert 20_000_000 < memory["used"] < memory["total"]
