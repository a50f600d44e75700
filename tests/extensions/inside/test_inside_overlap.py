"""Do words look at what they name? The first prompts of bench `inside`, with the starter; the docs have all fifty."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from tests.bench.inside import interval, looked

pytestmark = pytest.mark.long


def test_the_word_of_a_thing_lies_on_the_thing_and_an_unrelated_one_does_not(tmp_path: Path) -> None:
    overlaps = list(looked(tmp_path, Namespace(prompts=16, precision="fp32", use_cpu=True)))
    low, _ = interval([one.iou["the thing"] for one in overlaps])
    for unrelated in ("thursday", "its ground"):
        _, high = interval([one.iou[unrelated] for one in overlaps])
        assert low > high, unrelated
