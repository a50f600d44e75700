"""The perceptual hash: near for what is the same picture to a person, far for another one."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from extensions.inside.hashing import BITS, apart, perceptual_hash
from extensions.inside.originality import NEAR_BITS, SAME_BITS


def drawing(seed: int) -> Image.Image:
    """Some large shapes on a ground."""
    chance = np.random.default_rng(seed)
    picture = Image.new("RGB", (160, 120), tuple(chance.integers(0, 256, 3).tolist()))
    pen = ImageDraw.Draw(picture)
    for _ in range(8):
        x, y, w, h = chance.integers(0, 120, 4).tolist()
        pen.ellipse((x, y, x + w // 2 + 8, y + h // 2 + 8), fill=tuple(chance.integers(0, 256, 3).tolist()))
    return picture


def saved(picture: Image.Image, quality: int) -> Image.Image:
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def bits(one: Image.Image, other: Image.Image) -> int:
    return int(apart(perceptual_hash(one), perceptual_hash(other)[None])[0])


@pytest.mark.parametrize("seed", range(5))
def test_saved_again_or_smaller_it_is_the_same_and_lighter_it_is_near(seed: int) -> None:
    picture = drawing(seed)
    assert all(bits(picture, copy) <= SAME_BITS for copy in (saved(picture, 40), picture.resize((71, 53))))
    assert bits(picture, ImageEnhance.Brightness(picture).enhance(1.15)) <= NEAR_BITS


def test_other_pictures_are_far() -> None:
    far = [bits(drawing(one), drawing(other)) for one in range(12) for other in range(one)]
    assert min(far) > NEAR_BITS
    assert abs(np.mean(far) - BITS / 2) < 6


def test_a_flat_picture_has_a_hash_too() -> None:
    assert bits(Image.new("RGB", (8, 8), "red"), Image.new("RGB", (64, 64), "red")) <= BITS
