"""Nothing that was accepted is lost, whatever ends the server."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from modules.core.errors import BadRequest, BadSetting, CannotSave, NotThere
from modules.core.request import GenerationRequest
from modules.jobs.journal import MIGRATIONS, Journal

CAT = GenerationRequest(prompt="a cat \N{CAT FACE}", seed=7, extras={"invert.on": True})


def reopened(path: Path) -> Journal:
    journal = Journal(path)
    journal.recover()
    return journal


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


def test_a_restart_finds_waiting_jobs_and_puts_a_running_one_back_once(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    journal = reopened(path)
    first, second = (journal.add(CAT, "local").id for _ in range(2))
    journal.begin_next()
    journal.close()

    journal = reopened(path)
    assert [job.id for job in journal.waiting()] == [first, second]  # the old place, not the end of the line
    again = journal.begin_next()
    assert again is not None
    assert (again.id, again.attempts) == (first, 2)
    assert "server stopped" in again.error
    journal.close()

    journal = reopened(path)
    failed = journal.get(first, "local")
    assert failed.state == "failed"
    assert "2 times" in failed.error
    assert [job.id for job in journal.waiting()] == [second]
    journal.close()


def test_stopping_in_good_order_costs_no_attempt(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    for _ in range(5):
        journal = reopened(path)
        if not journal.waiting():
            journal.add(CAT, "local")
        job = journal.begin_next()
        assert job is not None
        assert (job.attempts, job.error) == (1, "")
        journal.release()
        journal.close()


def test_a_cancelled_job_is_not_put_back(journal: Journal) -> None:
    job = journal.add(CAT, "local")
    journal.begin_next()
    journal.cancel(job.id)
    journal.give_back(job.id, "the engine was lost")
    assert journal.get(job.id, "local").state == "cancelled"


def test_a_newer_journal_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(BadSetting, match="newer Taffy"):
        Journal(path)


def test_a_file_that_is_no_journal_is_set_aside_and_said(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    path.write_bytes(b"not a database at all" * 100)
    journal = reopened(path)
    assert journal.waiting() == ()
    assert "damaged" in journal.note
    (aside,) = tmp_path.glob("jobs.sqlite3.broken-*")
    assert aside.name in journal.note
    assert aside.read_bytes().startswith(b"not a database")
    journal.close()


def test_what_can_be_read_of_a_damaged_journal_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite3"
    journal = Journal(path)
    ids = [journal.add(GenerationRequest(prompt=f"cat {number} " + "x" * 3000), "local").id for number in range(40)]
    journal.close()
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2 // 4096 * 4096
    whole[middle : middle + 8192] = b"\xff" * 8192  # two pages in the middle
    path.write_bytes(whole)
    journal = reopened(path)
    kept = waiting(journal)
    assert "damaged" in journal.note
    assert f"{len(kept)} jobs" in journal.note
    assert 20 <= len(kept) < 40
    assert kept == [id for id in ids if id in kept]  # in their order
    assert journal.add(CAT, "local").id == waiting(journal)[-1]
    journal.close()


def test_a_job_that_this_version_cannot_read_fails_and_the_others_go_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "jobs.sqlite3")
    odd, good = (journal.add(CAT, "local").id for _ in range(2))
    journal._db.execute('UPDATE job SET request = \'{"from": "the future"}\' WHERE id = ?', (odd,))
    journal.close()
    journal = reopened(tmp_path / "jobs.sqlite3")
    assert waiting(journal) == [good]
    assert "cannot read" in journal.get(odd, "local").error
    journal.close()


def test_the_order_of_endings_does_not_depend_on_the_clock(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for clock in (2_000_000_000.0, 1_000_000_000.0, 1_500_000_000.0):  # the clock jumps back 30 years, and on 15
        monkeypatch.setattr("time.time", lambda clock=clock: clock)
        ids.append(journal.add(CAT, "local").id)
        journal.cancel(ids[-1])
    assert [job.id for job in journal.recent("local", 9)] == ids[::-1]
    assert [job.id for job in journal.ended("local", 9, before=ids[2])] == ids[1::-1]


def test_a_rest_outlives_a_restart(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "jobs.sqlite3")
    journal.pause("anna", True)
    journal.pause("ben", True)
    journal.pause("ben", False)
    journal.close()
    journal = reopened(tmp_path / "jobs.sqlite3")
    assert journal.paused() == {"anna"}
    journal.close()


def test_a_second_server_on_the_same_folder_is_refused(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="locked") as refused:
        Journal(tmp_path / "jobs.sqlite3")
    assert "another Taffy" in refused.value.advice


def test_a_full_disk_refuses_a_job_and_changes_nothing(journal: Journal) -> None:
    kept = journal.add(CAT, "local")
    journal._db.execute("PRAGMA max_page_count = 1")  # SQLite then says "database or disk is full"
    with pytest.raises(CannotSave, match="full"):
        for _ in range(1000):
            journal.add(GenerationRequest(prompt="x" * 20_000), "local")
    journal._db.execute("PRAGMA max_page_count = 1000000")
    journal.add(CAT, "local")
    assert journal.waiting()[0] == kept


WRITER = """
import sys
from pathlib import Path
from modules.core.request import GenerationRequest
from modules.jobs.journal import Journal

journal = Journal(Path(sys.argv[1]))
while True:
    job = journal.add(GenerationRequest(prompt="a cat"), "local")
    print("added", job.id, flush=True)
    begun = journal.begin_next()
    print("begun", begun.id, flush=True)
    journal.end(begun.id, "done")
    print("done", begun.id, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 2, 50, 151])
def test_kill_9_while_writing_loses_nothing_that_was_told(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "jobs.sqlite3"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [process.stdout.readline().split() for _ in range(lines)]
    process.kill()
    told += [line.split() for line in process.stdout.read().splitlines()]
    process.wait()

    journal = reopened(path)
    state = {"added": {"waiting", "failed", "done"}, "begun": {"waiting", "done"}, "done": {"done"}}
    for what, id in told:
        assert journal.get(id, "local").state in state[what]
    assert len(journal.waiting()) <= 1
    journal.close()


def waiting(journal: Journal) -> list[str]:
    return [job.id for job in journal.waiting()]


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


def test_the_order_survives_a_restart_and_later_jobs_come_last(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "jobs.sqlite3")
    a, b = (journal.add(CAT, "local").id for _ in range(2))
    journal.move(b, "local", a)
    journal.close()
    journal = reopened(tmp_path / "jobs.sqlite3")
    c = journal.add(CAT, "local").id
    assert waiting(journal) == [b, a, c]
    journal.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_journal_of_every_earlier_version_opens_and_is_copied_first(tmp_path: Path, version: int) -> None:
    path = tmp_path / "jobs.sqlite3"
    write_sample(path, version)
    journal = reopened(path)
    c = journal.add(CAT, "local").id
    assert waiting(journal) == ["a", "b", c]
    assert [job.id for job in journal.recent("local", 9)] == ["e", "d"]
    assert journal.get("e", "local").error == "no room"
    journal.close()
    with sqlite3.connect(tmp_path / f"jobs.sqlite3.version-{version}") as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (version,)
        assert copy.execute("SELECT COUNT(*) FROM job").fetchone() == (4,)
    copy.close()
    journal = reopened(path)  # once more: nothing is left to do
    assert waiting(journal) == ["a", "b", c]
    journal.close()


def write_sample(path: Path, version: int) -> None:
    """A journal as version `version` of the schema left it: two jobs wait, two have ended."""
    with sqlite3.connect(path) as db:
        db.executescript("".join(MIGRATIONS[:version]) + f"PRAGMA user_version = {version};")
        rows = [
            ("a", "waiting", None, ""),
            ("b", "waiting", None, ""),
            ("d", "done", 5.0, ""),
            ("e", "failed", 6.0, "no room"),
        ]
        for id, state, ended, error in rows:
            db.execute(
                "INSERT INTO job (id, owner, request, state, created, ended, error)"
                " VALUES (?, 'local', '{\"prompt\": \"a cat\"}', ?, 1, ?, ?)",
                (id, state, ended, error),
            )
        if version > 1:
            db.execute("UPDATE job SET place = number")
    db.close()
