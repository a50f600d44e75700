"""Damaged and forged picture files: generated, the same for the same seed, of every format that is read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from random import Random
from typing import Any

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from tests.gallery.brought import FORMATS, file_of, noise

EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
SIDES = (0, 1, 2, 8000, 8001, 16_384, 65_535, 65_537, 2**31 - 1, 2**31, 2**32 - 1)
START = b"\x89PNG\r\n\x1a\n"
MORE = 200_000  # bytes a forgery may add


@cache
def whole_files() -> tuple[bytes, ...]:
    """One of each kind, sound, with everything a file may say of itself."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "a cat\nSteps: 4".encode("utf-16-be")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    texts = PngInfo()
    texts.add_text("parameters", "a cat\nNegative prompt: a dog\nSteps: 4, Seed: 7, Size: 24x24")
    texts.add_itxt("taffy", '{"format": 1, "request": {"prompt": "a cat"}, "facts": {}}', zip=True)
    picture = noise(40)
    kinds: list[tuple[Image.Image, str, dict[str, Any]]] = [(picture, kind, {}) for kind in FORMATS]
    kinds += [(picture, kind, {"exif": exif, "icc_profile": profile}) for kind in ("PNG", "JPEG", "WEBP", "TIFF")]
    kinds += [
        (picture, kind, {"save_all": True, "append_images": [noise(40, 2)]}) for kind in ("GIF", "WEBP", "PNG", "TIFF")
    ]
    kinds += [(picture, "JPEG", {"progressive": True}), (picture, "PNG", {"pnginfo": texts})]
    kinds += [(picture.convert("CMYK"), "JPEG", {}), (picture.convert("P"), "PNG", {"transparency": 3})]
    kinds += [(picture.convert("RGBA"), "WEBP", {"lossless": True}), (picture.convert("1"), "TIFF", {})]
    kinds += [(picture, "TIFF", {"compression": how}) for how in ("tiff_lzw", "tiff_adobe_deflate", "packbits")]
    kinds += [(Image.new("I;16", (24, 24), 999), "PNG", {}), (Image.new("RGB", (900, 700), (9, 99, 200)), "PNG", {})]
    return tuple(file_of(image, kind, **how) for image, kind, how in kinds)


def hostile_pictures(seed: int, count: int) -> Iterator[bytes]:
    """So many files, each one to three changes away from a sound one."""
    chance = Random(seed)
    for _ in range(count):
        data = chance.choice(whole_files())
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            data = chance.choice(CHANGES)(data, chance)
        yield data


def flipped(data: bytes, chance: Random) -> bytes:
    """Other bytes, most of them where formats keep their numbers."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8) if data else 0):
        end = chance.choice((64, 400, len(data)))
        changed[chance.randrange(min(end, len(data)))] = chance.randrange(256)
    return bytes(changed)


def cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def with_a_hole(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.randrange(1, 100) :]


def stuttering(data: bytes, chance: Random) -> bytes:
    """A piece of it again and again."""
    at, size = chance.randrange(len(data) + 1), chance.randrange(1, 200)
    piece = data[at : at + size] or b"x"
    return data[:at] + piece * chance.randrange(1, max(2, MORE // len(piece) // 10)) + data[at:]


def two_in_one(data: bytes, chance: Random) -> bytes:
    other = chance.choice(whole_files())
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other)) :]


def extreme_number(data: bytes, chance: Random) -> bytes:
    """A number of two or four bytes, in either order, as large or small as it can be."""
    order, size = chance.choice("<>"), chance.choice("HI")
    number = chance.choice(EXTREMES) & (0xFFFF if size == "H" else 0xFFFFFFFF)
    at = chance.randrange(min(len(data), chance.choice((64, 400, 10_000))) + 1)
    written = struct.pack(order + size, number)
    return data[:at] + written + data[at + len(written) :]


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


@cache
def bomb(size: int) -> bytes:
    """Little that unpacks to so many bytes."""
    return zlib.compress(bytes(size), 1)


def another_size(data: bytes, chance: Random) -> bytes:
    """A PNG that says it is of another size, bit depth or colour, and whose check sum says so too."""
    if not data.startswith(START):
        data = whole_files()[0]
    sides = (chance.choice(SIDES), chance.choice((chance.choice(SIDES), 40)))
    look = (chance.choice((1, 2, 4, 8, 16, 3)), chance.choice((0, 2, 3, 4, 6, 5)), 0, 0, chance.choice((0, 1, 2)))
    return START + chunk(b"IHDR", struct.pack(">IIBBBBB", *sides, *look)) + data[33:]


def another_chunk(data: bytes, chance: Random) -> bytes:
    """A PNG with one more chunk, sound by its check sum and forged by its content."""
    if not data.startswith(START):
        data = whole_files()[0]
    noise = chance.randbytes(chance.choice((0, 1, 9, 100)))
    unpacked = bomb(chance.choice((10, 1_000_000, 60_000_000)))
    content = chance.choice(
        (noise, b"x\0\0" + unpacked, b"parameters\0" + b"x" * MORE, b"x\0\1\0\0\0" + unpacked, b"Exif\0" + noise)
    )
    kind = chance.choice(
        (b"zTXt", b"iTXt", b"tEXt", b"iCCP", b"eXIf", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"gAMA", b"IDAT")
    )
    return data[:33] + chunk(kind, content) * chance.choice((1, 1, 3)) + data[33:]


def another_segment(data: bytes, chance: Random) -> bytes:
    """A JPEG with one more segment: EXIF that points at itself, a profile in pieces, scans."""
    if not data.startswith(b"\xff\xd8"):
        data = whole_files()[1]
    loop = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"
    content = chance.choice((loop, b"ICC_PROFILE\0\x02\x01" + chance.randbytes(99), b"Exif\0\0" + chance.randbytes(60)))
    marker = chance.choice((0xE1, 0xE2, 0xEE, 0xDA, 0xC4, 0xDB))
    segment = bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content
    return data[:2] + segment * chance.choice((1, 1, 50)) + data[2:]


CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    flipped, flipped, cut, with_a_hole, stuttering, two_in_one, extreme_number, extreme_number, another_size,
    another_chunk, another_segment,
)  # fmt: skip
