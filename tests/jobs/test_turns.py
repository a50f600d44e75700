"""Everybody has their turn, and a checkpoint is not changed more often than that needs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from modules.core.request import GenerationRequest
from modules.core.upscaling import UpscaleRequest
from modules.jobs.job import Job
from modules.jobs.turns import MOST_PASSED, Turns, lines


def jobs(*asked: str) -> list[Job]:
    """ "anna:x" is a job of Anna's for the checkpoint x; they came in this order."""
    found = []
    for number, (owner, checkpoint) in enumerate(one.split(":") for one in asked):
        request = GenerationRequest(checkpoint=checkpoint)
        found.append(Job(f"{number}", owner, request, attempts=0, created=float(number)))
    return found


def order(waiting: Iterable[Job], loaded: str = "", turns: Turns | None = None) -> list[str]:
    return [f"{job.owner}:{job.checkpoint}" for job in (turns or Turns()).in_order(lines(waiting), loaded)]


def test_one_person_has_their_own_order_whatever_is_loaded() -> None:
    assert order(jobs("anna:x", "anna:y", "anna:x"), "y") == ["anna:x", "anna:y", "anna:x"]


def test_people_take_turns_however_many_jobs_one_has() -> None:
    waiting = jobs(*["anna:x"] * 5, "ben:x", "ben:x", "eve:x")
    assert [job.split(":")[0] for job in order(waiting, "x")] == [
        "anna", "ben", "eve", "anna", "ben", "anna", "anna", "anna",
    ]  # fmt: skip


def test_who_comes_late_does_not_wait_behind_all_jobs_of_another() -> None:
    turns, waiting = Turns(), lines(jobs(*["anna:x"] * 50))
    for _ in range(20):
        turns.take(waiting, "x")
    waiting |= lines(jobs("ben:x"))
    job = turns.take(waiting, "x")
    assert job is not None
    assert job.owner == "ben"


def test_jobs_for_the_loaded_checkpoint_go_together() -> None:
    made = order(jobs(*["anna:x"] * 10, *["ben:y"] * 10), "x")
    swaps = sum(before != after for before, after in pairwise(made))
    assert swaps <= 5  # without grouping there would be 19


def test_nobody_is_passed_over_more_often_than_the_rule_says() -> None:
    made = order(jobs(*["anna:x"] * 50, "ben:y", "eve:z"), "x")
    assert made.index("ben:y") <= MOST_PASSED + 1
    assert made.index("eve:z") <= 3 * (MOST_PASSED + 1)


def test_a_job_without_a_checkpoint_costs_no_swap() -> None:
    upscale = Job("u", "ben", UpscaleRequest(kind="upscale", image="x"), attempts=0, created=9.0)
    colour = Job(
        "c",
        "eve",
        GenerationRequest(style_mode="colour", checkpoint="z", image="i", style_images=("j",)),
        attempts=0,
        created=9.0,
    )
    assert [upscale.checkpoint, colour.checkpoint] == ["", ""]
    turns = Turns()
    first = turns.take(lines([*jobs("anna:y"), upscale]), "x")
    assert first == upscale


def test_a_job_is_left_to_the_free_device_that_has_its_checkpoint() -> None:
    waiting = jobs("anna:x", "ben:y")
    two = Turns().take(lines(waiting), loaded="y", elsewhere={"x"})
    assert two is not None
    assert two.owner == "ben"
    assert Turns().take(lines(waiting[:1]), loaded="y", elsewhere={"x"}) is None


def test_who_rests_is_left_out() -> None:
    assert order([job for line in lines(jobs("anna:x", "ben:x"), {"anna"}).values() for job in line]) == ["ben:x"]
