"""Masks as arithmetic: grown, blurred, filled, brought to the grid of the latents, and what grey means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from modules.engine.mask import beyond, cells, changing, filled, grown, shaped, weights
from modules.engine.picture import to_tensor
from tests.engine.conftest import REQUEST, white

PLAIN = replace(REQUEST, mask_blur=0)


def test_a_mask_without_any_wishes_is_used_as_it_is() -> None:
    mask = Image.fromarray(np.random.default_rng(0).integers(0, 256, (31, 17), np.uint8))
    assert shaped(mask, PLAIN).tobytes() == mask.tobytes()


@pytest.mark.parametrize("pixels", [1, 2, 7])
def test_growing_moves_an_edge_by_exactly_so_many_pixels(pixels: int) -> None:
    mask = shaped(white((20, 20, 30, 28)), replace(PLAIN, mask_grow=pixels))
    assert mask.getbbox() == (20 - pixels, 20 - pixels, 30 + pixels, 28 + pixels)


def test_shrinking_is_growing_of_what_is_kept() -> None:
    assert shaped(white((20, 20, 40, 40)), replace(PLAIN, mask_grow=-3)).getbbox() == (23, 23, 37, 37)
    assert shaped(white((0, 0, 64, 48)), replace(PLAIN, mask_grow=-3)).getbbox() == (0, 0, 64, 48)


def test_a_grown_dot_is_nearly_round() -> None:
    dot = torch.zeros(1, 1, 81, 81)
    dot[..., 40, 40] = 1
    rows, columns = grown(dot, 30)[0, 0].nonzero(as_tuple=True)
    radius = torch.hypot(rows - 40.0, columns - 40.0)
    assert 30 <= radius.max() < 34


def test_inverting_comes_before_growing() -> None:
    mask = np.asarray(shaped(white((20, 20, 40, 40)), replace(PLAIN, mask_invert=True, mask_grow=3)))
    assert (mask[23:37, 23:37] == 0).all()
    assert (mask == 0).sum() < 20 * 20


def test_blurring_makes_an_edge_grey_and_leaves_what_is_far_away_black() -> None:
    mask = np.asarray(shaped(white((0, 0, 32, 48)), replace(PLAIN, mask_blur=2)))
    assert 100 < mask[24, 31] < 180
    assert mask[24, 50] == 0


def test_a_cell_is_as_white_as_its_whitest_pixel() -> None:
    one_pixel = to_tensor(white((5, 5, 6, 6), 16, 16), "cpu")
    assert cells(one_pixel, 4, 4, soft=False)[0, 0].tolist() == [[0, 0, 0, 0], [0, 1, 0, 0], [0] * 4, [0] * 4]
    grey = to_tensor(white((5, 5, 6, 6), 16, 16, level=100), "cpu")
    assert cells(grey, 4, 4, soft=False).max() == 0
    assert cells(grey, 4, 4, soft=True).max() == pytest.approx(100 / 255)


@given(degree=st.floats(0, 1), steps=st.integers(1, 150))
def test_a_degree_changes_in_that_share_of_the_last_steps(degree: float, steps: int) -> None:
    changes = [bool(changing(torch.tensor(degree), step, steps)) for step in range(steps)]
    assert changes == sorted(changes)
    assert abs(sum(changes) - degree * steps) <= 0.5 + 1e-4


def test_a_soft_mask_shows_the_old_picture_only_where_it_is_nearly_black() -> None:
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    shown = np.asarray(weights(ramp, soft=True))[0]
    assert (shown[0], shown[16], shown[32]) == (0, 128, 255)
    assert weights(ramp, soft=False) is ramp


def test_a_hole_in_one_colour_is_filled_with_it() -> None:
    pixels = torch.full((1, 3, 37, 53), 0.25)
    hole = torch.zeros(1, 1, 37, 53)
    hole[..., 5:30, 10:40] = 1
    broken = torch.where(hole > 0, 0.9, pixels)
    assert torch.allclose(filled(broken, hole), pixels, atol=1e-5)


def test_a_hole_between_two_colours_goes_from_one_to_the_other() -> None:
    pixels = torch.zeros(1, 3, 16, 64)
    pixels[..., 32:] = 1
    hole = torch.zeros(1, 1, 16, 64)
    hole[..., 16:48] = 1
    row = filled(pixels, hole)[0, 0, 8]
    assert row[16] < 0.3 < 0.7 < row[47]
    assert torch.equal(row[:16], pixels[0, 0, 8, :16])


def test_what_lies_beyond_an_old_edge_is_white_and_the_overlap_fades() -> None:
    mask = np.asarray(beyond((30, 20), (10, 0, 30, 20), overlap=4))
    assert mask[0].tolist()[:16] == [255] * 10 + [204, 153, 102, 51, 0, 0]
    assert (mask == mask[0]).all()  # nothing is beyond the upper and the lower edge
