"""A private chunk in a PNG file: put in, and taken out of files of strangers. Pixels are not looked at. No torch.

"taFY": ancillary (programs that do not know it show the picture all the same), private, and not to be copied by
programs that change the pixels (PNG 1.2, section 3.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from modules.hooks import BadRequest, NotThere

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KIND = b"taFY"
MOST = 30_000_000  # bytes of the whole file: a request over HTTP may have 32 MB
MOST_CHUNKS = 20_000
NO_PNG = "the file is no PNG picture, or it was cut off"
ADVICE = "take the file itself: programs that send or edit pictures often make a new one of it"


def chunks(png: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where its bytes begin, how many) of each chunk up to IEND. Raises BadRequest."""
    if not png.startswith(SIGNATURE):
        raise BadRequest(NO_PNG, ADVICE)
    at = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        length, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        if at + 12 + length > len(png):
            raise BadRequest(NO_PNG, ADVICE)
        yield kind, at + 8, length
        if kind == b"IEND":
            return
        at += 12 + length
    raise BadRequest(f"the file has more than {MOST_CHUNKS:,} pieces, as no picture has")


def with_chunk(png: bytes, data: bytes) -> bytes:
    """The file with these bytes in it, before its end. Raises BadRequest if it grows too large."""
    bare = without_chunk(png)
    if len(bare) + len(data) > MOST:
        size = (len(bare) + len(data)) // 1_000_000
        raise BadRequest(f"picture and steps would be {size} MB, at most {MOST // 1_000_000} can travel in one file")
    *_, (_, end, _) = chunks(bare)
    chunk = len(data).to_bytes(4, "big") + KIND + data + crc32(KIND + data).to_bytes(4, "big")
    return bare[: end - 8] + chunk + bare[end - 8 :]


def without_chunk(png: bytes) -> bytes:
    """The file as it was before `with_chunk`. Raises BadRequest."""
    kept = [SIGNATURE, *(png[at - 8 : at + length + 4] for kind, at, length in chunks(png) if kind != KIND)]
    return b"".join(kept)


def chunk_of(png: bytes) -> bytes:
    """What `with_chunk` put in. Raises NotThere for other pictures, BadRequest for damaged files."""
    if len(png) > MOST:
        raise BadRequest(f"the file has {len(png) // 1_000_000} MB, at most {MOST // 1_000_000} are read")
    found = [(at, length) for kind, at, length in chunks(png) if kind == KIND]
    if not found:
        raise NotThere("this picture does not carry its steps", f"they are put in when it is saved with them; {ADVICE}")
    at, length = found[0]
    data = png[at : at + length]
    if len(found) > 1 or crc32(KIND + data) != int.from_bytes(png[at + length : at + length + 4], "big"):
        raise BadRequest("what this picture says of its making is damaged", ADVICE)
    return data
