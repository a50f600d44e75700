"""The bench `load` in short: four people for five seconds."""

from __future__ import annotations

from pathlib import Path

from tests.bench.load import press


def test_a_few_people_at_once_get_right_answers_and_previews(tmp_path: Path) -> None:
    outcome = press(tmp_path, clients=4, seconds=5)
    assert outcome.pictures >= 4
    assert outcome.wrong == []
    assert outcome.frames >= outcome.pictures
    assert outcome.actions
