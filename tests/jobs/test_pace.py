"""How long steps took, and how many pictures are usual because of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modules.core.request import GenerationRequest
from modules.jobs.job import Job
from modules.jobs.pace import MOST, Pace, usual_count
from modules.jobs.watch import JobView


def done(seconds: float | None, **values: Any) -> JobView:
    request = GenerationRequest(**{"checkpoint": "tiny", "width": 64, "height": 64, "seed": 1, **values})
    return JobView(Job("j", "local", request, attempts=1, created=0.0), step_seconds=seconds)


@pytest.fixture
def pace(tmp_path: Path) -> Pace:
    return Pace(tmp_path / "cache" / "pace.json")


def test_nothing_is_expected_of_what_was_never_measured(pace: Pace) -> None:
    pace.learn(None)
    pace.learn(done(None))
    pace.learn(done(0.5, checkpoint="other"))
    assert pace.step_seconds("tiny", 64, 64) is None


def test_the_seconds_of_a_step_are_kept_over_a_restart(pace: Pace, tmp_path: Path) -> None:
    pace.learn(done(0.5))
    pace.learn(done(0.3))
    again = Pace(tmp_path / "cache" / "pace.json")
    assert again.step_seconds("tiny", 64, 64) == pace.step_seconds("tiny", 64, 64) == pytest.approx(0.4)


def test_pictures_of_a_batch_share_a_step(pace: Pace) -> None:
    pace.learn(done(0.8, batch_size=4, count=2))
    assert pace.step_seconds("tiny", 64, 64) == pytest.approx(0.4)


def test_another_size_takes_as_much_longer_as_it_has_more_pixels(pace: Pace) -> None:
    pace.learn(done(0.1))
    pace.learn(done(2.0, width=256, height=256))
    assert pace.step_seconds("tiny", 64, 128) == pytest.approx(0.2)
    assert pace.step_seconds("tiny", 512, 256) == pytest.approx(4.0)


def test_the_file_does_not_grow_for_ever(pace: Pace) -> None:
    for number in range(MOST + 1):
        pace.learn(done(0.1, checkpoint=f"{number}"))
    assert pace.step_seconds("0", 64, 64) is None
    assert pace.step_seconds(f"{MOST}", 64, 64) is not None


def test_a_spoilt_file_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "pace.json").write_text("[[1, 2]]")
    pace = Pace(tmp_path / "pace.json")
    pace.learn(done(0.5))
    assert pace.step_seconds("tiny", 64, 64) == 0.5


@pytest.mark.parametrize(
    ("seconds", "side", "steps", "count"),
    [(None, 128, 20, 4), (None, 512, 20, 1), (0.2, 512, 20, 4), (0.3, 64, 20, 1), (0.3, 64, 10, 4)],
)
def test_four_pictures_are_usual_where_they_take_under_20_seconds(
    seconds: float | None, side: int, steps: int, count: int
) -> None:
    assert usual_count(seconds, side, side, steps) == count


def test_fast_steps_say_nothing_about_whole_ones(pace: Pace) -> None:
    pace.learn(done(0.5))
    pace.learn(done(0.1, fast_every=3))
    assert pace.step_seconds("tiny", 64, 64) == pytest.approx(0.5)
