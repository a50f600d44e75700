"""Whose turn it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from modules.core.errors import CannotSave, NotThere, QueueFull
from modules.core.request import GenerationRequest
from modules.jobs.journal import Journal
from modules.jobs.queue import JobQueue

CAT = GenerationRequest(prompt="a cat", seed=7)


@pytest.fixture
def queue(journal: Journal) -> JobQueue:
    return JobQueue(journal, limit=3)


def state(queue: JobQueue, job_id: str) -> str:
    return queue.journal.get(job_id, "local").state


def test_first_come_first_served_with_the_owner_carried(queue: JobQueue) -> None:
    put = [queue.put(CAT, owner) for owner in ("anna", "ben", "anna")]
    taken = [queue.take() for _ in range(3)]
    assert [(job.id, job.owner) for job in taken if job] == [(job.id, job.owner) for job in put]
    assert {job.state for job in taken if job} == {"running"}


def test_one_owner_may_have_so_many_waiting_jobs(queue: JobQueue) -> None:
    for _ in range(3):
        queue.put(CAT, "anna")
    with pytest.raises(QueueFull, match="3 jobs"):
        queue.put(CAT, "anna")
    queue.put(CAT, "ben")
    queue.take()
    queue.put(CAT, "anna")  # the running one does not count


def test_take_waits_for_a_job(queue: JobQueue) -> None:
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(queue.take)
        job = queue.put(CAT, "local")
        found = taken.result(5)
    assert found is not None
    assert found.id == job.id


def test_close_wakes_a_waiting_take(queue: JobQueue) -> None:
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(queue.take)
        queue.close()
        assert taken.result(5) is None


def test_a_closed_queue_keeps_its_jobs_for_the_next_start(queue: JobQueue) -> None:
    job = queue.put(CAT, "local")
    queue.take()
    queue.close()
    queue.end(job.id, "cancelled")  # the worker was told to stop
    assert queue.take() is None
    assert [(job.id, job.attempts) for job in queue.journal.waiting()] == [(job.id, 0)]


def test_a_cancelled_waiting_job_is_never_taken(queue: JobQueue) -> None:
    first, second = queue.put(CAT, "local"), queue.put(CAT, "local")
    assert not queue.cancel(first.id, "local")
    taken = queue.take()
    assert taken is not None
    assert taken.id == second.id
    assert state(queue, first.id) == "cancelled"


def test_a_cancelled_running_job_is_not_wanted_any_more(queue: JobQueue) -> None:
    job = queue.put(CAT, "local")
    queue.take()
    assert queue.is_running(job.id)
    assert queue.cancel(job.id, "local")
    assert not queue.is_running(job.id)
    queue.end(job.id, "done")
    assert state(queue, job.id) == "cancelled"


def test_cancelling_a_job_that_is_done_changes_nothing(queue: JobQueue) -> None:
    job = queue.put(CAT, "local")
    queue.take()
    queue.end(job.id, "done")
    assert not queue.cancel(job.id, "local")
    assert state(queue, job.id) == "done"


def test_nobody_cancels_somebody_elses_job(queue: JobQueue) -> None:
    job = queue.put(CAT, "local")
    with pytest.raises(NotThere):
        queue.cancel(job.id, "ben")
    assert state(queue, job.id) == "waiting"


def test_a_job_lost_with_its_worker_goes_first_and_only_once_more(queue: JobQueue) -> None:
    lost, other = queue.put(CAT, "local"), queue.put(CAT, "local")
    queue.take()
    queue.give_back(lost.id, "The engine stopped.")
    again = queue.take()
    assert again is not None
    assert (again.id, again.attempts, again.error) == (lost.id, 2, "The engine stopped.")
    queue.give_back(lost.id, "The engine stopped.")
    assert state(queue, lost.id) == "failed"
    assert queue.journal.get(lost.id, "local").error == "Tried 2 times. The engine stopped."
    taken = queue.take()
    assert taken is not None
    assert taken.id == other.id


def test_an_ending_a_full_disk_refused_is_written_when_there_is_room(queue: JobQueue) -> None:
    lost, other = queue.put(CAT, "local"), queue.put(CAT, "local")
    queue.take()
    queue.journal._db.execute("PRAGMA max_page_count = 1")  # SQLite then says "database or disk is full"
    with pytest.raises(CannotSave, match="full"):
        queue.end(lost.id, "failed", "x" * 100_000)
    with pytest.raises(CannotSave, match="full"):
        queue.take()
    assert state(queue, lost.id) == "running"
    queue.journal._db.execute("PRAGMA max_page_count = 1000000")
    taken = queue.take()
    assert state(queue, lost.id) == "failed"
    assert taken is not None
    assert taken.id == other.id


def test_an_interruption_comes_before_the_next_job_unless_it_is_the_jobs_turn(queue: JobQueue) -> None:
    job = queue.put(CAT, "local")
    queue.interrupt()
    assert queue.take() is None
    queue.interrupt()
    taken = queue.take(job_first=True)
    assert taken is not None
    assert taken.id == job.id
    assert queue.take(job_first=True) is None, "no job waits, so the interruption is heard"
