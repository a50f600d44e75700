"""Each worker process sees the one graphics card that is its own."""

from __future__ import annotations

import pytest

from modules.worker.cards import see_only


@pytest.mark.parametrize(
    ("before", "number", "after"),
    [
        ({}, 1, {"CUDA_VISIBLE_DEVICES": "1", "ZE_AFFINITY_MASK": "1"}),
        ({"CUDA_VISIBLE_DEVICES": "4, 6"}, 1, {"CUDA_VISIBLE_DEVICES": "6"}),
        ({"HIP_VISIBLE_DEVICES": "2,3", "PATH": "/"}, 1, {"HIP_VISIBLE_DEVICES": "3", "PATH": "/"}),
        ({"CUDA_VISIBLE_DEVICES": "4"}, 1, {"CUDA_VISIBLE_DEVICES": "-1"}),
    ],
)
def test_a_card_is_counted_among_those_that_the_person_lets_us_see(
    before: dict[str, str], number: int, after: dict[str, str]
) -> None:
    see_only(number, before)
    assert before == after
