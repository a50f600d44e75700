"""What people see while a job runs."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from modules.core.events import Frame, Loaded, Loading, Shown, Stepped
from modules.core.request import GenerationRequest
from modules.jobs.job import Job
from modules.jobs.watch import Subscription, Watchers, WorkerStatus
from tests.workers import NOISE_CARD


def job(owner: str = "local", **values: Any) -> Job:
    return Job("j", owner, GenerationRequest(seed=1, **values), attempts=1, created=0.0, state="running")


def stepped(step: int, first_picture: int = 0, seconds: float = 0.5, frame: Frame | None = None) -> Stepped:
    return Stepped("j", first_picture, step, 20, sigma=1.0, seconds=seconds, frame=frame)


def test_a_view_follows_the_steps() -> None:
    watchers = Watchers()
    watchers.begin(job(count=5, batch_size=2), offset=0)
    watchers.follow(stepped(3, first_picture=2))
    view = watchers.view("local")
    assert view is not None
    assert (view.picture, view.step, view.steps) == (3, 3, 20)
    assert view.seconds_left == pytest.approx((17 + 20) * 0.5)  # this batch's rest, and one more batch


def test_what_is_shown_on_the_way_is_seen_until_the_next_step() -> None:
    watchers = Watchers()
    watchers.begin(job(), offset=0)
    mask = Frame(b"mask", 8, 8, "mask")
    watchers.follow(Shown("j", "mask", mask))
    view = watchers.view("local")
    assert view is not None
    assert (view.frame, view.n, view.step) == (mask, 1, 0)
    assert "j" not in watchers.films


def test_a_second_attempt_counts_the_pictures_that_are_there() -> None:
    watchers = Watchers()
    watchers.begin(job(count=3), offset=2)
    watchers.follow(stepped(20))
    view = watchers.view("local")
    assert view is not None
    assert (view.picture, view.seconds_left) == (3, 0)


def test_a_second_attempt_says_why_until_there_is_something_to_see() -> None:
    watchers = Watchers()
    watchers.begin(replace(job(), error="The engine stopped."), offset=0)
    view = watchers.view("local")
    assert view is not None
    assert view.message == "The engine stopped. Trying once more."
    watchers.follow(stepped(1))
    view = watchers.view("local")
    assert view is not None
    assert view.message == ""


def test_the_estimate_is_smoothed() -> None:
    watchers = Watchers()
    watchers.begin(job(), offset=0)
    watchers.follow(stepped(1, seconds=1.0))
    watchers.follow(stepped(2, seconds=11.0))
    view = watchers.view("local")
    assert view is not None
    assert view.step_seconds == pytest.approx(4.0)  # not 11


def test_nothing_is_promised_before_the_first_step() -> None:
    watchers = Watchers()
    watchers.begin(job(), offset=0)
    view = watchers.view("local")
    assert view is not None
    assert view.seconds_left is None


def test_a_step_without_a_frame_keeps_the_last_one() -> None:
    watchers, frame = Watchers(), Frame(b"jpeg", 8, 8, "linear")
    watchers.begin(job(), offset=0)
    watchers.follow(stepped(1, frame=frame))
    watchers.follow(stepped(2))
    view = watchers.view("local")
    assert view is not None
    assert (view.frame, view.frame_step, view.n) == (frame, 1, 1)


def test_the_noise_levels_are_those_of_this_picture() -> None:
    watchers = Watchers()
    watchers.begin(job(count=2), offset=0)
    for event in (stepped(1), stepped(2), stepped(1, first_picture=1)):
        watchers.follow(event)
    view = watchers.view("local")
    assert view is not None
    assert view.sigmas == (1.0,)


def test_frames_become_the_film_of_their_job() -> None:
    watchers, frame = Watchers(), Frame(b"jpeg", 8, 8, "linear")
    watchers.begin(job(count=2), offset=0)
    for event in (stepped(1, frame=frame), stepped(2), stepped(1, first_picture=1, frame=frame)):
        watchers.follow(event)
    assert [shot.picture for shot in watchers.films.shots("j")] == [0, 1]


def test_a_restarted_engine_has_no_checkpoint() -> None:
    watchers = Watchers()
    watchers.follow(Loaded("j", NOISE_CARD, 0.1))
    assert watchers.checkpoint == "noise"
    watchers.worker_is(WorkerStatus("restarting"))
    assert watchers.checkpoint == ""


def test_somebody_elses_job_is_not_seen() -> None:
    watchers = Watchers()
    watchers.begin(job("anna"), offset=0)
    assert watchers.view("ben") is None
    assert watchers.view("anna") is not None


def test_a_step_of_a_job_that_was_stopped_is_not_shown() -> None:
    watchers = Watchers()
    watchers.begin(job(), offset=0)
    watchers.end("j")
    watchers.follow(stepped(1))
    assert watchers.view("local") is None


def test_loading_is_told_in_bytes() -> None:
    watchers = Watchers()
    watchers.worker_is(WorkerStatus("busy"))
    watchers.follow(Loading("j", "starter", 3, 9))
    assert watchers.worker == WorkerStatus("busy", "Loading starter", 3, 9)
    watchers.follow(Loading("j", "starter", 9, 9))
    assert watchers.worker.message.startswith("Getting starter ready")
    watchers.follow(Loaded("j", NOISE_CARD, 0.1))
    assert watchers.worker == WorkerStatus("busy")


def test_a_bell_rung_a_thousand_times_from_a_thread_is_heard_once() -> None:
    async def listen() -> list[bool]:
        watchers = Watchers()
        watchers.begin(job(), offset=0)
        with watchers.attach("local") as bell:

            def work() -> None:
                for step in range(1000):
                    watchers.follow(stepped(step))

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            return [await bell.changed(1), await bell.changed(0.01)]

    assert asyncio.run(listen()) == [True, False]


def test_news_after_the_bell_was_heard_ring_it_again() -> None:
    async def listen() -> list[bool]:
        watchers = Watchers()
        with watchers.attach("local") as bell:
            watchers.changed()
            first = await bell.changed(1)
            watchers.changed()
            return [first, await bell.changed(1)]

    assert asyncio.run(listen()) == [True, True]


def test_frames_ring_their_owner_only() -> None:
    async def listen() -> list[bool]:
        watchers = Watchers()
        with watchers.attach("anna") as annas, watchers.attach("ben") as bens:
            watchers.begin(job("anna"), offset=0)
            return [await annas.changed(1), await bens.changed(0.01)]

    assert asyncio.run(listen()) == [True, False]


def test_whoever_leaves_is_forgotten() -> None:
    async def leave() -> int:
        watchers = Watchers()
        with watchers.attach("local"):
            pass
        watchers.changed()
        return len(watchers._subscriptions)

    assert asyncio.run(leave()) == 0


def test_a_watcher_whose_loop_is_gone_costs_nobody_anything() -> None:
    watchers = Watchers()

    async def attach() -> AbstractContextManager[Subscription]:
        attached = watchers.attach("local")
        attached.__enter__()
        return attached  # never left

    attached = asyncio.run(attach())
    watchers.changed()
    attached.__exit__(None, None, None)


def test_close_sends_everybody_home() -> None:
    async def listen() -> tuple[bool, bool]:
        watchers = Watchers()
        with watchers.attach("local") as bell:
            watchers.close()
            return await bell.changed(1), bell.closed

    assert asyncio.run(listen()) == (True, True)
