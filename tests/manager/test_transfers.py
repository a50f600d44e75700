"""Downloads and conversions in the background: their progress, their end, and that they can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import pytest

from modules.core.errors import BadRequest, Busy, NotThere
from modules.manager.transfers import MOST, Tell, Transfer, Transfers


def ended(transfers: Transfers, id: str) -> Transfer:
    until = time.monotonic() + 20
    while (found := next(one for one in transfers.all() if one.id == id)).state == "running":
        assert time.monotonic() < until
        time.sleep(0.005)
    return found


def test_progress_and_result_are_told() -> None:
    transfers, go = Transfers(), Event()

    def work(tell: Tell) -> str:
        tell(3, 10)
        go.wait(20)
        return "here"

    id = transfers.start("download", "a", work).id
    while transfers.all()[0].done == 0:
        time.sleep(0.001)
    assert (transfers.all()[0].done, transfers.all()[0].total) == (3, 10)
    go.set()
    assert (ended(transfers, id).state, ended(transfers, id).result) == ("done", "here")


def test_one_that_is_stopped_ends_at_its_next_report() -> None:
    transfers = Transfers()

    def work(tell: Tell) -> str:
        while True:
            tell(0, 0)
            time.sleep(0.001)

    id = transfers.start("download", "a", work).id
    transfers.stop(id)
    assert ended(transfers, id).state == "stopped"
    with pytest.raises(NotThere):
        transfers.stop("gone")


def test_errors_are_told_in_words() -> None:
    transfers = Transfers()

    def fail(error: Exception) -> Callable[[Tell], str]:
        def work(tell: Tell) -> str:
            raise error

        return work

    known = ended(transfers, transfers.start("download", "a", fail(BadRequest("no such model", "another"))).id)
    assert (known.state, known.error, known.advice) == ("failed", "no such model", "another")
    bug = ended(transfers, transfers.start("download", "b", fail(ZeroDivisionError("oh"))).id)
    assert "something went wrong inside: oh" in bug.error


def test_the_same_is_not_done_twice_at_once_and_only_so_many_run() -> None:
    transfers, go = Transfers(), Event()
    for number in range(MOST):
        transfers.start("conversion", str(number), lambda tell: str(go.wait(20)))
    with pytest.raises(Busy, match="0 is being worked on already"):
        transfers.start("conversion", "0", lambda tell: "")
    with pytest.raises(Busy, match="are running already"):
        transfers.start("conversion", "more", lambda tell: "")
    go.set()
