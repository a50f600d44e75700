"""What is left of the journal after a restart, a kill, a full disk, damage, or another version."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from modules.core.errors import BadSetting, CannotSave
from modules.core.request import GenerationRequest
from modules.jobs.journal import MIGRATIONS, Journal
from tests.jobs.journals import CAT, reopened, waiting


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
