"""Which part is painted, and that it goes back to its place, to the pixel."""

from __future__ import annotations

from dataclasses import replace
from hashlib import md5
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from modules.core.errors import BadRequest
from modules.engine.picture import cut, fitted
from modules.engine.place import Place, place, surroundings
from tests.engine.conftest import REQUEST, png, scene, white

IMAGE = replace(REQUEST, image="image", mask_blur=0)
MASKED = replace(IMAGE, mask="mask")
UNIT = 8


def placed(image: Image.Image, mask: Image.Image | None = None, **values: object) -> Place:
    given = {"image": png(image)} | ({"mask": png(mask)} if mask else {})
    found = place(replace(MASKED if mask else IMAGE, **values), given, UNIT)  # type: ignore[arg-type]
    assert found
    return found


def painting(where: Place, colour: tuple[int, int, int] = (200, 10, 90)) -> np.ndarray:
    return np.asarray(where.finished(Image.new("RGB", where.size, colour)))


def up(pixels: int) -> int:
    return -(-pixels // UNIT) * UNIT


@given(
    width=st.integers(3, 90),
    height=st.integers(3, 90),
    only_masked=st.booleans(),
    soft=st.booleans(),
    blur=st.sampled_from([0, 0, 1.5, 4]),
    seed=st.integers(0, 99),
)
def test_where_the_mask_is_black_not_one_pixel_differs(
    width: int, height: int, only_masked: bool, soft: bool, blur: float, seed: int
) -> None:
    levels = np.random.default_rng(seed)
    left, top = int(levels.integers(0, width)), int(levels.integers(0, height))
    mask = white((left, top, left + 1 + int(levels.integers(0, width)), top + 9), width, height)
    peak = np.asarray(mask.filter(ImageFilter.GaussianBlur(blur))).max()
    assume(soft or peak > 127)  # else it is too thin for its blur
    where = placed(
        scene(width, height), mask, width=up(width), height=up(height),
        only_masked=only_masked, soft_mask=soft, mask_blur=blur, mask_padding=int(levels.integers(0, 40)),
    )  # fmt: skip
    result, before = painting(where), np.asarray(scene(width, height))
    assert result.shape == before.shape
    assert where.mask is not None
    black = np.asarray(where.mask) == 0
    assert np.array_equal(result[black], before[black])
    if not blur:
        assert (result[np.asarray(mask) == 255] == (200, 10, 90)).all()


@given(width=st.integers(2, 300), height=st.integers(2, 300), padding=st.integers(0, 60), seed=st.integers(0, 99))
def test_the_surroundings_hold_the_mask_in_the_shape_of_the_painting(
    width: int, height: int, padding: int, seed: int
) -> None:
    levels = np.random.default_rng(seed)
    left, top = int(levels.integers(0, width)), int(levels.integers(0, height))
    mask = white((left, top, left + 5, top + 3), width, height)
    box = surroundings(mask, padding, (64, 48))
    inner = mask.getbbox()
    assert inner is not None
    assert box[0] <= inner[0] and box[1] <= inner[1] and box[2] >= inner[2] and box[3] >= inner[3]
    assert abs((box[2] - box[0]) * 48 - (box[3] - box[1]) * 64) <= 64
    if box[2] - box[0] <= width and box[3] - box[1] <= height:
        assert box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height


@pytest.mark.parametrize("box", [(0, 0, 9, 7), (52, 40, 61, 47), (30, 0, 37, 47), (0, 20, 61, 25), (25, 19, 32, 26)])
def test_a_part_that_is_painted_unchanged_comes_back_where_it_was(box: tuple[int, int, int, int]) -> None:
    """At exactly the size of the part nothing is resampled: one pixel of misplacement would show."""
    found = surroundings(white(box, 61, 47), 5, (16, 16))
    size = found[2] - found[0], found[3] - found[1]
    where = placed(scene(61, 47), white(box, 61, 47), only_masked=True, mask_padding=5, width=size[0], height=size[1])
    assert where.seen.size == size
    assert np.array_equal(np.asarray(where.finished(where.seen)), np.asarray(scene(61, 47)))


def test_a_part_that_was_painted_larger_comes_back_without_a_shift() -> None:
    """A bright square in the painting has its centre where the square's centre was."""
    picture = Image.new("RGB", (101, 77))
    picture.paste((255, 255, 255), (40, 30, 51, 41))
    where = placed(picture, white((35, 25, 56, 46), 101, 77), only_masked=True, mask_padding=3, width=96, height=96)
    found = np.asarray(where.finished(where.seen))[..., 0].astype(float)
    rows, columns = np.mgrid[:77, :101]
    assert (columns * found).sum() / found.sum() == pytest.approx(45, abs=0.02)
    assert (rows * found).sum() / found.sum() == pytest.approx(35, abs=0.02)


def test_a_picture_of_an_odd_size_is_continued_and_keeps_its_size() -> None:
    where = placed(scene(61, 45), width=64, height=48)
    assert where.seen.size == (64, 48)
    assert np.array_equal(np.asarray(where.seen)[:45, :61], np.asarray(scene(61, 45)))
    assert painting(where).shape == (45, 61, 3)


@pytest.mark.parametrize("mode", ["stretch", "crop", "fill", "latent"])
def test_another_size_is_reached_by_every_mode(mode: str) -> None:
    assert painting(placed(scene(90, 20), resize_mode=mode)).shape == (48, 64, 3)


def test_stretch_crop_and_fill_show_all_the_middle_and_all() -> None:
    stripes = Image.new("RGB", (80, 20), "red")
    stripes.paste((0, 0, 255), (20, 0, 60, 20))
    square = {mode: np.asarray(fitted(stripes, (20, 20), mode)) for mode in ("stretch", "crop", "fill")}
    assert square["stretch"][10, 0].tolist() == [255, 0, 0]
    assert (square["crop"] == (0, 0, 255)).all()
    assert square["fill"][0, 0].tolist() == square["fill"][10, 0].tolist() == [255, 0, 0]
    assert square["fill"][0, 10].tolist() == [0, 0, 255]  # above the picture its edge continues


def test_beyond_a_picture_its_edge_continues() -> None:
    wide = np.asarray(cut(scene(10, 6), (-3, -2, 14, 9)))
    inside = np.asarray(scene(10, 6))
    assert np.array_equal(wide[2:8, 3:13], inside)
    assert (wide[:, :3] == wide[:, 3:4]).all()
    assert np.array_equal(wide[-1, 3:13], inside[-1])


@pytest.mark.parametrize("sides", [(16, 0, 0, 0), (0, 7, 0, 0), (0, 0, 30, 0), (5, 5, 5, 5), (0, 0, 0, 1)])
def test_an_extended_picture_keeps_the_old_one_behind_the_overlap(sides: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = sides
    width, height = 61 + left + right, 47 + top + bottom
    where = placed(
        scene(61, 47), width=up(width), height=up(height), extend_overlap=4,
        extend_left=left, extend_top=top, extend_right=right, extend_bottom=bottom,
    )  # fmt: skip
    result = painting(where)
    assert result.shape == (height, width, 3)
    kept = result[top : top + 47, left : left + 61][4:-4, 4:-4]
    assert np.array_equal(kept, np.asarray(scene(61, 47))[4:-4, 4:-4])
    new = np.ones((height, width), bool)
    new[top : top + 47, left : left + 61] = False
    assert (result[new] == (200, 10, 90)).all()


def test_a_zoom_out_at_the_old_size_shrinks_the_picture_into_the_middle() -> None:
    sides: dict[str, Any] = {f"extend_{side}": 32 for side in ("left", "right")} | {
        f"extend_{side}": 24 for side in ("top", "bottom")
    }
    where = placed(scene(), **sides)
    assert where.seen.size == (64, 48)
    assert where.mask is not None
    assert np.asarray(where.mask)[24, 32] == 0
    assert np.asarray(where.mask)[0, 0] == 255


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(BadRequest, match="the mask has 60x48 pixels, the picture 64x48"):
        placed(scene(), white((0, 0, 5, 5), 60, 48))


@pytest.mark.parametrize("values", [{"mask_grow": -9}, {"mask_invert": True, "mask_grow": 60}])
def test_a_mask_without_any_white_is_refused(values: dict[str, object]) -> None:
    mask = white((5, 5, 9, 9)) if "mask_invert" not in values else white((0, 0, 64, 48))
    with pytest.raises(BadRequest, match="the mask is empty"):
        placed(scene(), mask, **values)


def test_a_mask_that_its_blur_leaves_nothing_of_is_refused() -> None:
    thin = white((10, 10, 50, 12))
    with pytest.raises(BadRequest, match="with a blur of 4 pixels nothing of this mask"):
        placed(scene(), thin, mask_blur=4.0)
    for way in ({"mask_blur": 0.5}, {"mask_blur": 4.0, "mask_grow": 4}, {"mask_blur": 4.0, "soft_mask": True}):
        assert placed(scene(), thin, **way).mask is not None


@pytest.mark.parametrize("values", [{"mask": "mask"}, {"extend_left": 8}])
def test_a_mask_or_an_extension_without_a_picture_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(BadRequest, match="needs a picture"):
        place(replace(REQUEST, **values), {"mask": png(white((0, 0, 9, 9)))}, UNIT)  # type: ignore[arg-type]


def test_transparent_parts_of_a_picture_are_white_and_of_a_mask_black() -> None:
    clear = Image.new("RGBA", (64, 48), (255, 0, 0, 0))
    strokes = clear.copy()
    strokes.paste((255, 255, 255, 255), (10, 10, 20, 20))
    where = placed(clear, strokes)
    assert np.asarray(where.base).min() == 255
    assert where.mask is not None
    assert where.mask.getbbox() == (10, 10, 20, 20)


def test_the_record_names_the_mask_that_was_used() -> None:
    one, same, other = (placed(scene(), white((0, 0, 9, 9)), mask_blur=blur).facts for blur in (0, 0, 1))
    assert one == same
    assert one["Painted area"] == "64x48 at 0 0"
    assert one["Mask digest"] != other["Mask digest"]


def test_the_record_names_the_picture_as_a1111_does() -> None:
    digest = md5(scene().tobytes()).hexdigest()
    assert placed(scene()).facts == {"Init image hash": digest}
    assert placed(scene(), white((0, 0, 9, 9))).facts["Init image hash"] == digest
    assert placed(scene(61, 47)).facts["Init image hash"] != digest
