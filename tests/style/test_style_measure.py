"""The measures order what anybody orders the same way: copies, recolourings, other textures, other places."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from modules.style.measure import Score, dominated, score


def stripes(angle: float, low: tuple[int, int, int], high: tuple[int, int, int], side: int = 64) -> Image.Image:
    y, x = np.mgrid[:side, :side]
    wave = (np.sin((x * np.cos(angle) + y * np.sin(angle)) * 0.9) + 1)[..., None] / 2
    return Image.fromarray((np.array(low) * (1 - wave) + np.array(high) * wave).astype(np.uint8))


def disc(where: tuple[float, float], colour: str = "red", side: int = 64) -> Image.Image:
    y, x = np.mgrid[:side, :side] / side
    mask = Image.fromarray(((np.hypot(y - where[0], x - where[1]) < 0.22) * 255).astype(np.uint8))
    return Image.composite(Image.new("RGB", (side, side), colour), Image.new("RGB", (side, side), "white"), mask)


BLUE, DARK, YELLOW, RED = (40, 90, 200), (10, 20, 60), (240, 220, 80), (120, 30, 10)


@pytest.mark.parametrize("picture", [stripes(0.3, BLUE, YELLOW), disc((0.3, 0.6)), Image.new("RGB", (64, 64), "grey")])
def test_a_picture_is_at_no_distance_from_itself(picture: Image.Image) -> None:
    same = score(picture, picture, picture)
    assert (same.colour, same.texture, same.content) == pytest.approx((0, 0, 0), abs=1e-9)
    assert same.ssim == pytest.approx(1)


def test_texture_does_not_see_colour_and_colour_does_not_see_texture() -> None:
    style, content = stripes(0.0, DARK, YELLOW), disc((0.5, 0.5))
    recoloured, turned = stripes(0.0, DARK, (255, 200, 220)), stripes(1.57, DARK, YELLOW)
    assert score(recoloured, content, style).texture < 0.2 < score(turned, content, style).texture
    assert score(turned, content, style).colour < 2 < score(recoloured, content, style).colour


def test_content_sees_a_move_and_not_a_recolouring() -> None:
    content, style = disc((0.3, 0.3)), stripes(0.0, BLUE, YELLOW)
    recoloured, moved = (score(each, content, style) for each in (disc((0.3, 0.3), "navy"), disc((0.7, 0.6))))
    assert recoloured.content < moved.content / 3
    assert recoloured.ssim > moved.ssim


def test_a_blur_costs_content_the_more_the_stronger_it_is() -> None:
    content, style = disc((0.3, 0.3)), stripes(0.0, BLUE, YELLOW)
    some, much = (score(content.filter(ImageFilter.GaussianBlur(radius)), content, style) for radius in (1, 6))
    assert 0 < some.content < much.content
    assert some.ssim > much.ssim


def test_a_result_is_dominated_by_one_that_is_nearer_to_both() -> None:
    ours = Score(0, 0.5, 0.5, 0)
    assert dominated(ours, Score(9, 0.5, 0.4, 0))
    assert not dominated(ours, Score(0, 0.4, 0.6, 1))
    assert not dominated(ours, ours)
