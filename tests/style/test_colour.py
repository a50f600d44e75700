"""Instant colour transfer: statistics arrive, luma stays where asked, odd pictures are no trouble, time is short."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image

from modules.style.colour import MAPS, Matching, Method, matched, statistics
from modules.style.lab import lab, srgb

METHODS: list[Method] = ["statistics", "transport"]


def cloud(
    mean: tuple[float, float, float], spread: float, seed: int = 0, size: tuple[int, int] = (90, 70)
) -> Image.Image:
    """A picture of correlated colours around a mean (0 to 1)."""
    rng = np.random.default_rng(seed)
    mixing = spread * (np.eye(3) + rng.normal(0, 0.4, (3, 3)))
    colours = np.array(mean) + rng.normal(0, 1, (size[1], size[0], 3)) @ mixing
    return Image.fromarray((np.clip(colours, 0, 1) * 255).astype(np.uint8))


CONTENT, STYLE = cloud((0.5, 0.5, 0.5), 0.06), cloud((0.6, 0.45, 0.3), 0.05, seed=1)


def test_lab_of_white_and_red_is_the_standards() -> None:
    assert np.allclose(lab(np.array([[1.0, 1, 1], [1, 0, 0]])), [[100.0, 0.0, 0.0], [53.24, 80.09, 67.2]], atol=0.01)


def test_lab_and_back_is_the_same_colour() -> None:
    colours = np.random.default_rng(0).random((500, 3))
    assert np.abs(srgb(lab(colours)) - colours).max() < 1e-12


@pytest.mark.parametrize("method", METHODS)
def test_the_result_has_the_mean_and_spread_of_the_style(method: Method) -> None:
    wanted, got = statistics(STYLE), statistics(matched(CONTENT, [STYLE], Matching(method)))
    assert np.abs(got.mean - wanted.mean).max() < 0.5
    assert np.abs(np.sqrt(np.diag(got.covariance)) - np.sqrt(np.diag(wanted.covariance))).max() < 0.5


def test_only_transport_carries_how_the_channels_hang_together() -> None:
    errors = {
        method: np.abs(
            statistics(matched(CONTENT, [STYLE], Matching(method))).covariance - statistics(STYLE).covariance
        )
        for method in METHODS
    }
    assert errors["transport"].max() < 5 < errors["statistics"].max()


@pytest.mark.parametrize("method", METHODS)
def test_the_table_is_within_few_levels_of_the_map_itself(method: Method) -> None:
    change = MAPS[method](statistics(CONTENT), statistics(STYLE))
    exact = np.clip(srgb(change(lab(np.asarray(CONTENT) / 255))), 0, 1) * 255
    off = np.abs(np.asarray(matched(CONTENT, [STYLE], Matching(method))) - exact)
    assert off.mean() < 0.5
    assert off.max() < 4  # in the darkest colours, where the map bends most


def test_amount_0_is_the_content_itself_and_half_lies_between() -> None:
    none, half, whole = (np.asarray(matched(CONTENT, [STYLE], Matching(amount=a))).astype(int) for a in (0, 0.5, 1))
    assert np.abs(none - np.asarray(CONTENT).astype(int)).max() <= 1
    assert 0 < np.abs(half - none).mean() < np.abs(whole - none).mean()


def test_luma_stays_only_where_it_is_kept() -> None:
    before = lab(np.asarray(CONTENT) / 255)[..., 0]
    kept, free = (
        lab(np.asarray(matched(CONTENT, [STYLE], Matching(keep_luma=k))) / 255)[..., 0] for k in (True, False)
    )
    assert np.abs(kept - before).mean() < 0.5 < np.abs(free - before).mean()


def test_a_picture_as_its_own_style_stays_as_it_is() -> None:
    assert np.abs(np.asarray(matched(CONTENT, [CONTENT], Matching())).astype(int) - np.asarray(CONTENT)).max() <= 1


def test_noise_of_a_grey_picture_does_not_become_colours() -> None:
    grey = cloud((0.5, 0.5, 0.5), 0.004)
    before, after = (
        np.sqrt(np.diag(statistics(each).covariance)) for each in (grey, matched(grey, [STYLE], Matching()))
    )
    assert (after < 4.5 * before + 0.5).all()


def test_a_heavier_style_counts_more() -> None:
    blue = cloud((0.2, 0.3, 0.8), 0.05, seed=2)
    light, heavy = (
        statistics(matched(CONTENT, [STYLE, blue], Matching(), w)).mean[2] for w in ((9.0, 1.0), (1.0, 9.0))
    )
    assert heavy < light - 10


def test_what_cannot_be_seen_of_a_style_does_not_count() -> None:
    hidden = Image.new("RGBA", (90, 140), (0, 0, 255, 0))
    hidden.paste(STYLE.convert("RGBA"), (0, 0))
    assert np.allclose(statistics(hidden).mean, statistics(STYLE).mean)


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (1, 500)])
def test_every_shape_keeps_its_size(size: tuple[int, int]) -> None:
    assert matched(CONTENT.resize(size), [STYLE.resize((1, 1))], Matching()).size == size


def test_a_photo_of_12_megapixels_takes_less_than_2_seconds() -> None:
    photo = CONTENT.resize((4000, 3000))
    started = time.process_time()
    assert matched(photo, [STYLE], Matching()).size == (4000, 3000)
    assert time.process_time() - started < 2
