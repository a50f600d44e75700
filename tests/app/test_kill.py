"""Ten times kill -9 of everything at random moments: nothing that was acknowledged is lost. The bench does 100."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench.kill import torture


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_ten_kills_lose_nothing_make_nothing_twice_and_leave_no_half_file(tmp_path: Path) -> None:
    outcome = torture(tmp_path, kills=10, seed=3)
    assert len(outcome.told) >= 4
    assert outcome.pictures >= 4
    assert outcome.interrupted  # not all died while they started
    assert (outcome.lost, outcome.doubles, outcome.truncated) == ([], 0, 0)
    assert all("Tried 2 times" in reason for reason in outcome.failed.values())
    assert max(outcome.recoveries) < 10
