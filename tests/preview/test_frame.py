from __future__ import annotations

from io import BytesIO

import pytest
import torch
from PIL import Image

from modules.preview.frame import to_frame


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(16, 16, (256, 256)), (64, 32, (128, 256)), (300, 400, (400, 300)), (1024, 512, (256, 512)), (1, 900, (512, 1))],
)
def test_the_longest_side_is_256_to_512_pixels(height: int, width: int, size: tuple[int, int]) -> None:
    frame = to_frame(torch.rand(1, 3, height, width), "linear")
    assert (frame.width, frame.height) == size
    assert Image.open(BytesIO(frame.jpeg)).size == size


def test_the_frame_is_a_small_jpeg_that_names_its_method() -> None:
    frame = to_frame(torch.rand(1, 3, 16, 16), "full")
    assert Image.open(BytesIO(frame.jpeg)).format == "JPEG"
    assert frame.method == "full"
    assert len(frame.jpeg) < 20_000


def test_colours_arrive() -> None:
    pixels = torch.tensor([1.0, 0.0, 0.5])[None, :, None, None].expand(1, 3, 64, 64)
    red, green, blue = Image.open(BytesIO(to_frame(pixels, "full").jpeg)).getpixel((30, 30))  # type: ignore[misc]
    assert (red, green, blue) == pytest.approx((255, 0, 128), abs=6)


def test_pictures_of_a_batch_stand_side_by_side() -> None:
    pixels = torch.stack([torch.zeros(3, 64, 64), torch.ones(3, 64, 64)])
    image = Image.open(BytesIO(to_frame(pixels, "full").jpeg)).convert("L")
    assert image.size == (256, 128)
    assert image.getpixel((40, 60)) < 10  # type: ignore[operator]
    assert image.getpixel((200, 60)) > 245  # type: ignore[operator]


@pytest.mark.parametrize(("batch", "size"), [(3, (512, 171)), (4, (512, 512)), (5, (512, 341)), (16, (512, 512))])
def test_many_pictures_make_a_square(batch: int, size: tuple[int, int]) -> None:
    frame = to_frame(torch.rand(batch, 3, 256, 256), "full")
    assert (frame.width, frame.height) == size


def test_what_is_no_number_is_black() -> None:
    frame = to_frame(torch.full((1, 3, 64, 64), torch.nan), "full")
    assert Image.open(BytesIO(frame.jpeg)).convert("L").getextrema() == (0, 0)
