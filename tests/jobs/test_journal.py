"""Jobs in the journal: whose they are, in which order they begin, and how they end."""

from __future__ import annotations

import pytest

from modules.core.errors import BadRequest, NotThere
from modules.jobs.journal import Journal
from tests.jobs.journals import CAT, waiting


def test_a_job_comes_back_as_it_was_put_in(journal: Journal) -> None:
    job = journal.add(CAT, "local")
    assert journal.get(job.id, "local") == job
    assert job.request == CAT


def test_a_job_that_was_done_elsewhere_is_done_here_and_never_runs(journal: Journal) -> None:
    job = journal.adopt(CAT, "local")
    assert journal.get(job.id, "local").state == "done"
    assert journal.recent("local", 5) == (journal.get(job.id, "local"),)
    assert journal.begin_next() is None


def test_ids_cannot_be_guessed(journal: Journal) -> None:
    ids = {journal.add(CAT, "local").id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(id) >= 22 for id in ids)


def test_somebody_elses_job_is_not_there(journal: Journal) -> None:
    job = journal.add(CAT, "anna")
    with pytest.raises(NotThere, match=job.id):
        journal.get(job.id, "ben")
    journal.cancel(job.id)
    assert journal.recent("ben", 10) == ()
    assert journal.recent("anna", 10) != ()


def test_jobs_begin_in_the_order_they_came(journal: Journal) -> None:
    ids = [journal.add(CAT, "local").id for _ in range(3)]
    begun = [job.id for _ in range(3) if (job := journal.begin_next())]
    assert begun == ids
    assert journal.begin_next() is None


def test_the_first_ending_stands(journal: Journal) -> None:
    job = journal.add(CAT, "local")
    journal.begin_next()
    journal.end(job.id, "failed", "no room", "free some")
    journal.end(job.id, "done")
    journal.cancel(job.id)
    ended = journal.get(job.id, "local")
    assert (ended.state, ended.error, ended.advice) == ("failed", "no room", "free some")


def test_a_waiting_job_cannot_be_done(journal: Journal) -> None:
    job = journal.add(CAT, "local")
    journal.end(job.id, "done")
    assert journal.get(job.id, "local").state == "waiting"


def test_recent_jobs_come_newest_first(journal: Journal) -> None:
    ids = [journal.add(CAT, "local").id for _ in range(4)]
    for id in ids:
        journal.cancel(id)
    assert [job.id for job in journal.recent("local", 3)] == ids[:0:-1]


def test_a_cancelled_job_is_not_put_back(journal: Journal) -> None:
    job = journal.add(CAT, "local")
    journal.begin_next()
    journal.cancel(job.id)
    journal.give_back(job.id, "the engine was lost")
    assert journal.get(job.id, "local").state == "cancelled"


def test_the_order_of_endings_does_not_depend_on_the_clock(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for clock in (2_000_000_000.0, 1_000_000_000.0, 1_500_000_000.0):  # the clock jumps back 30 years, and on 15
        monkeypatch.setattr("time.time", lambda clock=clock: clock)
        ids.append(journal.add(CAT, "local").id)
        journal.cancel(ids[-1])
    assert [job.id for job in journal.recent("local", 9)] == ids[::-1]
    assert [job.id for job in journal.ended("local", 9, before=ids[2])] == ids[1::-1]


def test_a_waiting_job_moves_before_another_or_to_the_end(journal: Journal) -> None:
    a, b, c = (journal.add(CAT, "local").id for _ in range(3))
    journal.move(c, "local", a)
    assert waiting(journal) == [c, a, b]
    journal.move(c, "local", None)
    assert waiting(journal) == [a, b, c]
    journal.move(b, "local", b)
    assert waiting(journal) == [a, b, c]


def test_moving_changes_the_turn_of_nobody_else(journal: Journal) -> None:
    a, x, b = (journal.add(CAT, owner).id for owner in ("anna", "ben", "anna"))
    journal.move(b, "anna", a)
    assert waiting(journal) == [b, x, a]
    with pytest.raises(NotThere):
        journal.move(x, "anna", a)
    with pytest.raises(NotThere):
        journal.move(a, "anna", x)


def test_a_job_that_runs_cannot_be_moved(journal: Journal) -> None:
    a, b = (journal.add(CAT, "local").id for _ in range(2))
    journal.begin_next()
    for moved, before in ((a, b), (b, a)):
        with pytest.raises(BadRequest, match="does not wait any more"):
            journal.move(moved, "local", before)
