"""Picture files of strangers: every usual kind becomes plain pixels, upright; the rest is refused in words, quickly."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from io import BytesIO
from zipfile import ZipFile

import pytest
from PIL import Image, ImageCms

from modules.core.errors import BadRequest
from modules.gallery.reading import MAX_BYTES, read_picture
from modules.text.infotext import write_infotext
from tests.gallery.brought import BLUE, FORMATS, RED, file_of, noise, png_header, two_tone
from tests.gallery.made_pictures import FACTS, REQUEST


def near(found: object, wanted: tuple[int, ...], by: int = 12) -> bool:
    assert isinstance(found, tuple)
    return all(abs(a - b) <= by for a, b in zip(found, wanted, strict=True))


def zipped() -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("cat.png", file_of(noise()))
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_allowed_kind_is_read(kind: str) -> None:
    brought = read_picture(file_of(two_tone(), kind))
    assert (brought.image.mode, brought.image.size, brought.notes) == ("RGB", (32, 16), ())
    assert near(brought.image.getpixel((16, 2)), RED) and near(brought.image.getpixel((16, 14)), BLUE)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(("orientation", "size", "red_at"), [
    (1, (32, 16), (16, 2)), (3, (32, 16), (16, 14)), (6, (16, 32), (14, 16)), (8, (16, 32), (2, 16)),
    (4, (32, 16), (16, 14)), (5, (16, 32), (2, 16)), (7, (16, 32), (14, 16)),
])  # fmt: skip
def test_a_camera_that_was_held_sideways_is_believed(
    kind: str, orientation: int, size: tuple[int, int], red_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_picture(file_of(two_tone(), kind, exif=exif)).image
    assert image.size == size
    assert near(image.getpixel(red_at), RED)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_what_is_transparent_stays_so(kind: str) -> None:
    image = two_tone().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((32, 16)))
    read = read_picture(file_of(image, kind, lossless=True) if kind == "WEBP" else file_of(image, kind)).image
    assert read.mode == "RGBA"
    extremes = read.getchannel("A").getextrema()
    assert extremes[0] in range(20)


def test_an_alpha_channel_that_hides_nothing_is_left_out() -> None:
    assert read_picture(file_of(two_tone().convert("RGBA"))).image.mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L"])
def test_a_grey_picture_stays_grey(mode: str) -> None:
    image = Image.linear_gradient("L").convert(mode)
    read = read_picture(file_of(image)).image
    assert (read.mode, read.tobytes()) == ("L", image.convert("L").tobytes())


def test_grey_with_transparency_becomes_colour_with_transparency() -> None:
    image = Image.merge("LA", [Image.linear_gradient("L"), Image.radial_gradient("L")])
    assert read_picture(file_of(image)).image.tobytes() == image.convert("RGBA").tobytes()


def test_a_palette_is_looked_up() -> None:
    image = two_tone().quantize(4)
    assert near(read_picture(file_of(image)).image.getpixel((0, 0)), RED, by=4)


def test_the_transparent_colour_of_a_palette_is_transparent() -> None:
    image = two_tone().quantize(4)
    read = read_picture(file_of(image, transparency=image.getpixel((0, 0)))).image
    assert [read.getchannel("A").getpixel(at) for at in ((0, 0), (0, 15))] == [0, 255]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_become_8_and_the_notes_say_so(kind: str) -> None:
    levels = [0, 128, 257, 32_896, 65_407, 65_535]
    image = Image.new("I;16", (len(levels), 1))
    for x, level in enumerate(levels):
        image.putpixel((x, 0), level)
    brought = read_picture(file_of(image, kind))
    assert list(brought.image.tobytes()) == [0, 0, 1, 128, 255, 255]
    assert brought.notes == ("16 bits a channel became 8",)


def test_16_bits_of_colour_are_named_too() -> None:
    assert "16 bits a channel became 8" in read_picture(png_header(2, 1, bits=16)).notes


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_the_colours_of_print_are_converted_and_the_notes_say_so(kind: str) -> None:
    brought = read_picture(file_of(two_tone().convert("CMYK"), kind))
    assert brought.image.mode == "RGB" and near(brought.image.getpixel((16, 2)), RED)
    assert "CMYK" in brought.notes[0]


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped() -> bytes:
    """A profile in which red means blue, and blue red."""
    named = SRGB.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    return named.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def test_a_picture_in_srgb_stays_as_it_is() -> None:
    brought = read_picture(file_of(noise(), icc_profile=SRGB))
    assert (brought.notes, brought.image.tobytes()) == ((), noise().tobytes())


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_colour_profile_is_applied_and_the_notes_say_so(mode: str) -> None:
    image = two_tone().quantize(4) if mode == "P" else two_tone().convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    brought = read_picture(file_of(image, icc_profile=swapped()))
    assert brought.notes == ("its colours were converted from swap built-in to sRGB",)
    assert near(brought.image.convert("RGB").getpixel((16, 2)), BLUE, by=12)
    if mode == "RGBA":
        assert brought.image.getchannel("A").tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize("profile", [b"nonsense", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()])
def test_a_profile_that_does_not_fit_is_named_and_changes_nothing(profile: bytes) -> None:
    brought = read_picture(file_of(noise(), icc_profile=profile))
    assert "colour profile could not be used" in brought.notes[0]
    assert brought.image.tobytes() == noise().tobytes()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_a_moving_picture_the_first_frame_is_taken_and_the_notes_say_so(kind: str) -> None:
    brought = read_picture(file_of(two_tone(), kind, save_all=True, append_images=[noise(32).resize((32, 16))]))
    assert near(brought.image.convert("RGB").getpixel((16, 2)), RED)
    assert brought.notes == ("the picture moves: its first frame was taken",)


def test_of_several_pages_the_first_is_taken_and_the_notes_say_so() -> None:
    brought = read_picture(file_of(two_tone(), "TIFF", save_all=True, append_images=[noise()]))
    assert (brought.image.size, brought.notes) == ((32, 16), ("the picture has several pages: the first was taken",))


def test_the_pictures_own_text_comes_along() -> None:
    text = write_infotext(REQUEST, FACTS)
    assert read_picture(file_of(noise(), "JPEG", exif=with_comment(text))).infotext == text
    assert read_picture(file_of(noise())).infotext == ""


def with_comment(text: str) -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode("utf-16-be")
    return exif


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
NO_PICTURES = {
    "nothing": b"",
    "text": b"hello",
    "svg": SVG,
    "html": b"<!doctype html><img src=x onerror=alert(1)>",
    "zip": zipped(),
    "pdf": b"%PDF-1.7\n" + b"0" * 200,
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "signature": b"\x89PNG\r\n\x1a\n",
    "ico": file_of(noise(), "ICO"),
}


@pytest.mark.parametrize("what", NO_PICTURES)
def test_what_is_no_picture_of_an_allowed_kind_is_refused_with_the_list(what: str) -> None:
    with pytest.raises(BadRequest, match="allowed are PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF"):
        read_picture(NO_PICTURES[what])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_was_cut_off_is_refused(kind: str) -> None:
    whole = file_of(noise(), kind)
    with pytest.raises(BadRequest, match=r"damaged or cut off|not a readable picture"):
        read_picture(whole[: len(whole) * 2 // 3])


@pytest.mark.filterwarnings("ignore")  # Pillow warns of each bomb
@pytest.mark.parametrize(
    ("width", "height", "sentence"),
    [
        (8001, 8000, "at most 64 megapixels, got 8001x8000"),
        (13_000, 13_000, "at most 64 megapixels, got 13000x13000"),
        (100_000, 100_000, "at most 64 megapixels"),
        (2**31 - 1, 2**31 - 1, "at most 64 megapixels"),
        (2**31, 2**31, "not a readable picture|64 megapixels"),
        (65_537, 1, "a side may have at most 65536 pixels, got 65537x1"),
        (0, 5, "not a readable picture"),
    ],
)
def test_sizes_are_judged_before_anything_is_unpacked(width: int, height: int, sentence: str) -> None:
    start = time.process_time()
    with pytest.raises(BadRequest, match=sentence):
        read_picture(png_header(width, height))
    assert time.process_time() - start < 0.5


def test_32_bits_a_channel_are_refused() -> None:
    with pytest.raises(BadRequest, match="32 bits a channel"):
        read_picture(file_of(Image.new("F", (4, 4)), "TIFF"))


def test_a_jpeg_of_thousands_of_scans_is_refused_in_no_time() -> None:
    whole = file_of(Image.new("RGB", (2000, 2000)), "JPEG", progressive=True)
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    start = time.process_time()
    with pytest.raises(BadRequest, match="scans, too many for its size"):
        read_picture(whole[:-2] + 5000 * scan + whole[-2:])
    assert time.process_time() - start < 0.5
    assert read_picture(whole).image.size == (2000, 2000)


def test_a_file_of_more_bytes_than_allowed_is_refused_unread() -> None:
    with pytest.raises(BadRequest, match="at most 300 MB"):
        read_picture(bytes(MAX_BYTES + 1))


@pytest.mark.filterwarnings("ignore")  # Pillow warns of each damage
@pytest.mark.parametrize("kind", [*FORMATS, "moving GIF"])
def test_damaged_files_are_read_or_refused_quickly(kind: str) -> None:
    rng = random.Random(1)
    more = {"save_all": True, "append_images": [noise(seed=2)]} if " " in kind else {}
    whole = file_of(noise(), kind.split()[-1], **more)
    start = time.process_time()
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            damaged[rng.randrange(min(len(damaged), 400))] = rng.randrange(256)
        try:
            read_picture(bytes(damaged))
        except BadRequest:
            continue
    assert time.process_time() - start < 10


BOMB = """
import resource, sys
from modules.core.errors import BadRequest
from modules.gallery.reading import read_picture
from tests.gallery.brought import png_header
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for width, height in ((13_000, 13_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)):
    try:
        read_picture(png_header(width, height))
    except BadRequest:
        continue
    sys.exit("read")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss counts kilobytes only here")
def test_a_bomb_takes_no_memory() -> None:
    done = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000
