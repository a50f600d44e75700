"""The bench `load` in short: four people for five seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.load import Outcome, press
from tests.bench.start import BenchFailed


def test_a_few_people_at_once_get_right_answers_and_previews(tmp_path: Path) -> None:
    outcome = press(tmp_path, clients=4, seconds=5)
    assert outcome.pictures >= 4
    assert outcome.wrong == []
    assert outcome.frames >= outcome.pictures
    assert outcome.actions


def test_memory_is_judged_once_the_films_have_all_their_room() -> None:
    filling, flat, leaking = [*map(float, range(100, 160))], [160.0] * 50, [160.0 + second for second in range(50)]
    assert Outcome(memory=filling + flat, full=60).growth == 0
    assert Outcome(memory=filling + leaking, full=60).growth == 40
    with pytest.raises(BenchFailed, match="did not fill"):
        print(Outcome(memory=filling).growth)
