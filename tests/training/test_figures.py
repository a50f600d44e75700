"""Wilson's interval against published values, and how a share reads."""

from __future__ import annotations

import pytest
import torch

from modules.training.figures import Figure, figure, wilson


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(right: int, n: int, low: float, high: float) -> None:
    assert wilson(right, n) == pytest.approx((low, high), abs=1e-4)


def test_nothing_measured_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_more_prompts_narrow_the_interval() -> None:
    few, many = wilson(8, 10), wilson(800, 1000)
    assert many[1] - many[0] < (few[1] - few[0]) / 5


def test_a_figure_counts_hits_and_knows_what_guessing_reaches() -> None:
    made = figure(torch.tensor([True, False, True, True]), answers=5)
    assert made == Figure(right=3, n=4, chance=0.2)
    assert made.plain()["share"] == 0.75
    assert str(made).startswith("75.0% (30.1% to 95.4%), 3 of 4, chance 20.0%")
