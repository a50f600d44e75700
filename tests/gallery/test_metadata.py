"""Records inside picture files: ours exactly, other programs' as they are, hostile ones without harm."""

from __future__ import annotations

import json
import random
import struct
import time
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import piexif
import piexif.helper
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from modules.core.errors import BadRequest
from modules.core.request import GenerationRequest
from modules.gallery.metadata import encode_png, read_metadata
from tests.gallery.made_pictures import FACTS, REQUEST, made

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXT = "a cat, 猫\nSteps: 20, Sampler: Euler, Seed: 1"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*chunks: bytes, width: int = 8, height: int = 8) -> bytes:
    """A grey PNG of its own size whatever the header claims, with chunks before the pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 9 * 8))
    return PNG_SIGNATURE + header + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def exif(comment: bytes) -> bytes:
    """An EXIF block with a user comment."""
    content: bytes = piexif.dump({"Exif": {piexif.ExifIFD.UserComment: comment}})
    return content


def with_exif(kind: str, comment: bytes) -> bytes:
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind, exif=exif(comment))
    return file.getvalue()


def test_the_pixels_come_back_as_they_were() -> None:
    with Image.open(BytesIO(encode_png(made(), TEXT, REQUEST))) as image:
        assert image.mode == "RGB" and image.tobytes() == made().rgb


def test_the_request_comes_back_exactly() -> None:
    found = read_metadata(encode_png(made(), TEXT, REQUEST))
    assert (found.format, found.width, found.height) == ("PNG", 8, 8)
    assert (found.infotext, found.request, found.facts, found.notes) == (TEXT, REQUEST, FACTS, ())


def test_another_request_comes_back_as_another() -> None:
    assert read_metadata(encode_png(made(), TEXT, replace(REQUEST, cfg_scale=7.1))).request != REQUEST


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=20), st.floats(0, 100), st.dictionaries(st.text(), st.floats(-9, 9)))
def test_any_words_and_numbers_come_back_exactly(
    prompt: str, name: str, scale: float, extras: dict[str, float]
) -> None:
    request = GenerationRequest(prompt=prompt, checkpoint=name, cfg_scale=scale, extras={**extras})
    found = read_metadata(encode_png(made(), prompt, request))
    assert (found.infotext, found.request) == (prompt, request)


def test_a_file_is_read_by_its_path_too(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(made(), TEXT, REQUEST))
    assert read_metadata(path).request == REQUEST


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize(
    "comment",
    [
        piexif.helper.UserComment.dump(TEXT, encoding="unicode"),
        b"UNICODE\0" + TEXT.encode("utf-16-le"),
        b"\0" * 8 + TEXT.encode(),
    ],
    ids=["as A1111 writes it", "little-endian", "utf-8"],
)
def test_exif_comments_of_other_programs_are_read(kind: str, comment: bytes) -> None:
    found = read_metadata(with_exif(kind, comment))
    assert (found.format, found.infotext, found.request) == (kind, TEXT, None)


def test_a_picture_without_records_has_none() -> None:
    found = read_metadata(png())
    assert (found.infotext, found.request, found.notes) == ("", None, ())


def test_exif_wins_over_parameters_as_in_a1111() -> None:
    chunks = PngInfo()
    chunks.add_text("parameters", "from the chunk")
    file = BytesIO()
    comment = piexif.helper.UserComment.dump("from EXIF", encoding="unicode")
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=chunks, exif=exif(comment))
    assert read_metadata(file.getvalue()).infotext == "from EXIF"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_of_169_megapixels_is_refused_before_it_is_decoded() -> None:
    start = time.process_time()
    with pytest.raises(BadRequest, match="at most 64 megapixels, got 13000x13000"):
        read_metadata(png(width=13_000, height=13_000))
    assert time.process_time() - start < 1


def test_a_picture_of_a_gigapixel_is_refused_too() -> None:
    with pytest.raises(BadRequest):
        read_metadata(png(width=100_000, height=100_000))


@pytest.mark.parametrize("content", [b"", b"hello", b"GIF89a" + b"\0" * 50, PNG_SIGNATURE, png()[:40], b"\xff\xd8\xff"])
def test_what_is_no_picture_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequest):
        read_metadata(content)


def test_a_text_over_a_megabyte_is_left_out() -> None:
    found = read_metadata(png(chunk(b"tEXt", b"parameters\0" + b"a" * 1_000_001)))
    assert (found.infotext, found.width) == ("", 8)
    assert found.notes == ("the parameters text is longer than 1 MB and was not read",)


def test_a_text_that_unpacks_to_20_megabytes_does_no_harm() -> None:
    packed = zlib.compress(b"a" * 20_000_000, 9)
    with pytest.raises(BadRequest):
        read_metadata(png(chunk(b"zTXt", b"parameters\0\0" + packed)))


@pytest.mark.parametrize(
    "record",
    ["", "{", "[]", "null", '{"format": 1}', '{"format": 1, "request": {"steps": 0}, "facts": {}}', "[" * 50_000],
)
def test_a_damaged_record_leaves_the_text_usable(record: str) -> None:
    found = read_metadata(png(chunk(b"tEXt", b"parameters\0a cat"), chunk(b"tEXt", b"taffy\0" + record.encode())))
    assert (found.infotext, found.request) == ("a cat", None)
    assert found.notes == (("the exact record is damaged and was not read",) if record else ())


def test_a_record_of_a_newer_taffy_is_named() -> None:
    record = json.dumps({"format": 2, "request": {}, "facts": {}})
    found = read_metadata(png(chunk(b"tEXt", b"taffy\0" + record.encode())))
    assert found.notes == ("the exact record was written by a newer Taffy and was not read",)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of each damage
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_damaged_files_are_read_or_refused_quickly(kind: str) -> None:
    rng = random.Random(1)
    whole = with_exif(kind, piexif.helper.UserComment.dump(TEXT, encoding="unicode"))
    start = time.process_time()
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            damaged[rng.randrange(min(len(damaged), 250))] = rng.randrange(256)
        try:
            read_metadata(bytes(damaged))
        except BadRequest:
            continue
    assert time.process_time() - start < 10
