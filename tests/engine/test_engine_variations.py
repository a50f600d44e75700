"""Noise that is turned toward another picture's, once and again."""

from __future__ import annotations

import numpy as np

from tests.engine.conftest import Studio


def test_a_subtle_variation_is_nearer_than_a_strong_one(studio: Studio) -> None:
    plain = studio.pictures()[0]
    subtle, strong = (studio.pictures(variation_seed=9, variation_strength=s)[0] for s in (0.1, 0.6))
    assert 0 < np.abs(subtle - plain).mean() < np.abs(strong - plain).mean()


def test_picture_i_of_a_variation_is_that_of_variation_seed_plus_i(studio: Studio) -> None:
    together = studio.pictures(variation_seed=9, variation_strength=0.3, count=2)
    alone = studio.pictures(variation_seed=10, variation_strength=0.3)
    assert np.array_equal(together[1], alone[0])


def test_a_variation_that_is_varied_goes_on_from_where_it_is(studio: Studio) -> None:
    plain = studio.pictures()[0]
    parent = studio.pictures(variation_seed=9, variation_strength=0.4)[0]
    child = studio.pictures(earlier_variations="9:0.4", variation_seed=10, variation_strength=0.1)[0]
    assert 0 < np.abs(child - parent).mean() < np.abs(child - plain).mean()


def test_earlier_turns_alone_are_the_picture_they_made(studio: Studio) -> None:
    one = studio.pictures(variation_seed=9, variation_strength=0.4)[0]
    assert np.array_equal(studio.pictures(earlier_variations="9:0.4")[0], one)
    two = studio.pictures(earlier_variations="9:0.4", variation_seed=10, variation_strength=0.2)[0]
    assert np.array_equal(studio.pictures(earlier_variations="9:0.4, 10:0.2")[0], two)


def test_the_order_of_turns_counts(studio: Studio) -> None:
    one, other = (studio.pictures(earlier_variations=turns)[0] for turns in ("9:0.4, 10:0.2", "10:0.2, 9:0.4"))
    assert not np.array_equal(one, other)


def test_picture_i_of_a_child_has_the_turns_of_its_parent_and_its_own(studio: Studio) -> None:
    together = studio.pictures(earlier_variations="5:0.5", variation_seed=9, variation_strength=0.3, count=2)
    alone = studio.pictures(earlier_variations="5:0.5", variation_seed=10, variation_strength=0.3)
    assert np.array_equal(together[1], alone[0])
