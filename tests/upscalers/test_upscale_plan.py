"""How pictures are cut into tiles, and which sizes they get on the way."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.upscalers.plan import FADE, LEAST, OVERLAP, SMALLEST, spans, tile_side
from modules.upscalers.size import passes
from modules.upscalers.tiles import Axis, fade, ramp


@given(st.integers(1, 3000), st.integers(SMALLEST, 512))
def test_tiles_cover_a_side_without_gap_and_see_what_is_around_them(length: int, side: int) -> None:
    cut = spans(length, side)
    assert [span.own_begin for span in cut] == [0, *(span.own_end for span in cut[:-1])]
    assert cut[-1].own_end == length
    for span in cut:
        assert span.begin <= max(0, span.own_begin - OVERLAP)
        assert span.end >= min(length, span.own_end + OVERLAP)
        assert span.begin % OVERLAP == 0
        assert min(length, LEAST) <= span.end - span.begin <= side


@given(st.integers(SMALLEST + 1, 3000), st.integers(SMALLEST, 512))
def test_tiles_are_equally_long_so_that_memory_does_not_grow_with_their_number(length: int, side: int) -> None:
    lengths = {span.end - span.begin for span in spans(length, side)}
    assert len(lengths) <= 2
    assert max(lengths) - min(lengths) < OVERLAP


@given(st.integers(49, 900), st.floats(1, 8), st.sampled_from([1, 2, 4]))
def test_neighbours_fade_into_each_other_over_the_same_pixels(length: int, ratio: float, scale: int) -> None:
    wanted = round(length * ratio)
    axes = [Axis(span, length, wanted, scale) for span in spans(length, SMALLEST)]
    overlaps = {one.last - other.first for one, other in pairwise(axes)}
    assert overlaps == {2 * fade(wanted / length)}
    assert (axes[0].first, axes[-1].last) == (0, wanted)
    assert all(0 <= axis.begin < axis.end for axis in axes)


@pytest.mark.parametrize("length", [2 * FADE, 7, 33])
def test_two_neighbours_weights_add_up_to_one(length: int) -> None:
    assert np.allclose(ramp(length) + ramp(length)[::-1], 1)


def test_a_tile_is_as_large_as_memory_allows_within_reason() -> None:
    assert (tile_side(1, 1000.0), tile_side(10_000_000, 100.0), tile_side(10**12, 100.0)) == (48, 316, 512)


@pytest.mark.parametrize(
    ("scale", "wanted", "sizes"),
    [
        (4, (400, 300), [(400, 300)]),
        (4, (401, 300), [(400, 300), (401, 300)]),
        (2, (800, 600), [(200, 150), (400, 300), (800, 600)]),
        (4, (50, 30), [(100, 75)]),
        (1, (400, 300), [(400, 300)]),
    ],
)
def test_a_network_is_used_until_nothing_is_too_small(
    scale: int, wanted: tuple[int, int], sizes: list[tuple[int, int]]
) -> None:
    assert passes((100, 75), wanted, scale) == sizes
