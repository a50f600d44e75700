"""Picture files of strangers: what is refused before anything is unpacked, and how the rest becomes plain pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from mmap import mmap

from PIL import Image, ImageCms

from modules.core.errors import BadRequest
from modules.core.request import MAX_PIXELS
from modules.gallery.metadata import DAMAGED, infotext_of

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
ALLOWED = "PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF"
MAX_BYTES = 300_000_000  # a picture of 64 megapixels with alpha as a PNG that could not be packed at all
MAX_SIDE = 65_536  # pixels, as in a request
SCAN = re.compile(b"\xff\xda")
MAX_SCANS = 16  # of a JPEG of 64 megapixels, more of a smaller one: each takes as long as a picture. Programs write 10
REFUSALS = (  # what Pillow's decoders were seen to raise for 20,000 damaged files, and the kinds near it
    *DAMAGED, EOFError, LookupError, TypeError, RuntimeError, AttributeError, ArithmeticError, MemoryError,
)  # fmt: skip
ORIENTATION, BITS_PER_SAMPLE = 0x0112, 0x0102
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Brought:
    """A picture as plain pixels, upright: "RGB", "RGBA" or "L". infotext: what it says of itself, or empty.

    notes: what was done to it, in plain words.
    """

    image: Image.Image
    infotext: str
    notes: tuple[str, ...]


def read_picture(data: bytes | mmap) -> Brought:
    """The pixels of a picture file, of whatever kind. Raises BadRequest with a sentence.

    Sizes are judged before anything is unpacked: at most 64 megapixels, 65,536 pixels a side, 300 MB of file.
    """
    if len(data) > MAX_BYTES:
        raise BadRequest(f"a picture may have at most {MAX_BYTES // 1_000_000} MB, got {len(data) // 1_000_000}")
    notes: list[str] = []
    with opened(data) as image:
        try:
            infotext = infotext_of(image, notes)
            notes += remarks(image, data)
            image.load()
            plain = plain_colours(as_srgb(upright(image, notes), notes))
        except REFUSALS as error:
            raise BadRequest("the picture is damaged or cut off", "save or download it again") from error
    return Brought(plain, infotext, tuple(notes))


@contextmanager
def opened(data: bytes | mmap) -> Iterator[Image.Image]:
    """A picture whose size is allowed, nothing unpacked yet. Raises BadRequest."""
    try:
        image = Image.open(BytesIO(data) if isinstance(data, bytes) else data, formats=FORMATS)  # type: ignore[arg-type]
    except Image.DecompressionBombError as error:
        raise BadRequest("a picture may have at most 64 megapixels, this one has many more") from error
    except REFUSALS as error:
        raise BadRequest(f"the file is not a readable picture; allowed are {ALLOWED}") from error
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise BadRequest(f"a picture may have at most 64 megapixels, got {image.width}x{image.height}")
        if max(image.size) > MAX_SIDE:
            raise BadRequest(f"a side may have at most {MAX_SIDE} pixels, got {image.width}x{image.height}")
        if image.mode in {"I", "F"}:
            raise BadRequest("pictures with 32 bits a channel are not read", "save it with 8 or 16 bits")
        scans = sum(1 for _ in SCAN.finditer(data)) if image.format in {"JPEG", "MPO"} else 1
        if image.width * image.height * scans > MAX_PIXELS * MAX_SCANS:
            raise BadRequest(f"this JPEG has {scans} scans, too many for its size", "save it again")
        yield image


def remarks(image: Image.Image, data: bytes | mmap) -> list[str]:
    """What will be lost, seen in the header."""
    notes = []
    if image.format != "MPO" and getattr(image, "is_animated", False):  # a camera's MPO is one picture
        kind = (
            "has several pages: the first was taken" if image.format == "TIFF" else "moves: its first frame was taken"
        )
        notes.append(f"the picture {kind}")
    bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (8,)) if image.format == "TIFF" else (8,)
    if image.mode.startswith("I;16") or 16 in bits or (image.format == "PNG" and data[24] == 16):
        notes.append("16 bits a channel became 8")
    return notes


def upright(image: Image.Image, notes: list[str]) -> Image.Image:
    """Turned as its EXIF record says."""
    try:
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    except DAMAGED:
        notes.append("the EXIF record is damaged, so the picture was not turned")
        return image
    return image if turn is None else image.transpose(turn)


def as_srgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """The colours as its profile means them, in sRGB, which everything here takes them for."""
    profile = image.info.get("icc_profile")
    if profile and b"sRGB" in profile.replace(b"\0", b""):
        return image
    if profile and not image.mode.startswith("I;16"):
        try:
            return converted(image, profile, notes)
        except (ImageCms.PyCMSError, *DAMAGED):
            notes.append("its colour profile could not be used, so colours may look a little different")
    elif image.mode == "CMYK":
        notes.append("the colours of print (CMYK) became RGB without a colour profile, so they may look different")
    return image


def converted(image: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    """From a profile to sRGB, the opacity as it was. Raises PyCMSError if the profile is not for such a picture."""
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    opacity = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if image.mode not in {"RGB", "L", "CMYK"}:
        image = image.convert("L" if image.mode in {"1", "LA", "La"} else "RGB")
    colours = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert colours is not None, "only a change in place returns none"
    if image.mode == "L":
        colours = colours.getchannel("G").copy()
    name = ImageCms.getProfileDescription(source).strip()
    notes.append(f"its colours were converted from {name:.60} to sRGB")
    if opacity is not None:
        colours = colours.convert("RGBA")
        colours.putalpha(opacity)
    return colours


def plain_colours(image: Image.Image) -> Image.Image:
    """8-bit RGB; RGBA where something is transparent; L for a grey picture without transparency."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        coloured = image if image.mode == "RGBA" else image.convert("RGBA")
        return coloured if coloured.getchannel("A").getextrema() != (255, 255) else coloured.convert("RGB")
    wanted = "L" if image.mode in {"1", "L"} else "RGB"
    return image if image.mode == wanted else image.convert(wanted)
