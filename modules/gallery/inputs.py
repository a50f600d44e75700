"""Pictures that people bring: one PNG each, below the folder of their owner, found by an id only the owner gets."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from io import BytesIO
from mmap import mmap
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from modules.core.errors import NotThere
from modules.core.paths import contained, write_atomically
from modules.core.requests import Input
from modules.gallery.files import checked_owner
from modules.gallery.metadata import DAMAGED
from modules.gallery.reading import Brought, read_picture

RECORD = "taffy input"  # the text chunk that keeps what is known besides the pixels
KEEP_DAYS = 14  # on which Taffy was started
UNUSED = ".unused.json"
MOST_CLEANED = 10_000  # in one start


class Inputs:
    """The input pictures below `folder`. Safe to use from many threads; one picture is unpacked at a time."""

    def __init__(self, folder: Path) -> None:
        """Raises CannotSave."""
        self._folder = folder
        self._key = kept_key(folder / ".key")
        self._unpacking = threading.Lock()  # bounds the memory: a picture of 64 megapixels takes 0.5 GB

    def put(self, owner: str, data: bytes | mmap, parent: str = "") -> Input:
        """Keep a picture file, upright as a PNG of 8-bit RGB, RGBA or L; the same bytes have the same id.

        parent: id of the gallery picture it is a copy of. Raises BadRequest if it cannot be read, CannotSave.
        """
        id = self._id(owner, data)
        path = self._path(id, owner)
        with suppress(NotThere):
            known = self.get(id, owner)
            if parent in {"", known.parent}:
                return known
        with self._unpacking:
            brought = read_picture(data)
            known = described(id, brought, parent)
            write_atomically(path, encoded(brought.image, known))
        return known

    def get(self, input_id: str, owner: str) -> Input:
        """What is known of a picture; it counts as used now. Raises NotThere, also for those of others."""
        path = self.file(input_id, owner)
        try:
            with Image.open(path, formats=("PNG",)) as image:
                record = json.loads(image.info[RECORD])
        except (*DAMAGED, KeyError) as error:
            raise NotThere(f"the input picture {input_id[:40]!r} is damaged", "bring it again") from error
        with suppress(OSError):  # of a folder that cannot be written nothing is cleaned either
            path.touch()
        return Input(**{**record, "notes": tuple(record["notes"])})

    def file(self, input_id: str, owner: str) -> Path:
        """The picture's PNG. Raises NotThere."""
        path = self._path(input_id, owner)
        if not path.is_file():
            raise NotThere(f"there is no input picture {input_id[:40]!r}", "bring it again")
        return path

    def owner_of(self, input_id: str) -> str | None:
        """Who brought it; None for an unknown id."""
        for folder in self._folder.iterdir():
            with suppress(NotThere):
                self.file(input_id, folder.name)
                return folder.name
        return None

    def read(self, input_id: str, owner: str) -> bytes:
        """The PNG itself, for a worker; it counts as used now. Raises NotThere."""
        try:
            path = self.file(input_id, owner)
            path.touch()
            return path.read_bytes()
        except OSError as error:
            raise NotThere(f"the input picture {input_id[:40]!r} cannot be read: {error.strerror or error}") from error

    def clean(self, mentioned: Callable[[set[str]], set[str]], today: date) -> int:
        """Remove what was not used on 14 days on which this was called, and return how many. A picture is used when it
        is brought, when a page shows it, and when a job with it begins. `mentioned` says which of some ids must stay
        all the same: those of waiting and running jobs, and those in the requests of gallery pictures. At most 10,000
        go at once. Raises CannotSave, and removes nothing then.
        """
        files = {path.stem: path for path in self._folder.glob("*/*.png")}
        unused = self._unused(files, today.isoformat())
        old = {id for id, (_, days) in unused.items() if days >= KEEP_DAYS}
        gone = sorted(old - mentioned(old))[:MOST_CLEANED] if old else []
        for id in gone:
            files[id].unlink(missing_ok=True)
        return len(gone)

    def _unused(self, files: Mapping[str, Path], today: str) -> dict[str, tuple[int, int]]:
        """For each id when it was used last, as its file says, and on how many days of cleaning since then it was not.

        The age of a file would trust the clock: one that jumps weeks ahead would make everything old.
        """
        record = self._folder / UNUSED
        day, before = read_unused(record)
        found = {}
        for id, path in files.items():
            used = path.stat().st_mtime_ns
            known, days = before.get(id, (-1, 0))
            found[id] = used, days + (day != today) if used == known else 0
        write_atomically(record, json.dumps({"day": today, "unused": found}).encode())
        return found

    def _id(self, owner: str, data: bytes | mmap) -> str:
        """22 letters that nobody can know who has not the key of this installation."""
        mac = hmac.new(self._key, owner.encode() + b"\0", "sha256")
        mac.update(data)
        return urlsafe_b64encode(mac.digest()[:16]).rstrip(b"=").decode()

    def _path(self, input_id: str, owner: str) -> Path:
        return contained(self._folder, f"{checked_owner(owner)}/{input_id}.png")


def described(id: str, brought: Brought, parent: str) -> Input:
    image = brought.image
    return Input(id, image.width, image.height, image.mode == "RGBA", brought.notes, parent, brought.infotext)


def encoded(image: Image.Image, known: Input) -> bytes:
    """A PNG of the pixels, with what is known of them; nothing else of the file that was brought is kept."""
    chunks = PngInfo()
    chunks.add_text(RECORD, json.dumps(asdict(known)))
    file = BytesIO()
    image.info.clear()  # else Pillow would write a profile or a transparent colour that no longer holds
    image.save(file, "PNG", pnginfo=chunks, compress_level=1)  # three times as fast as 4; they are read soon
    return file.getvalue()


def kept_key(path: Path) -> bytes:
    """32 random bytes, made at the first start. Raises CannotSave."""
    with suppress(OSError):
        if len(key := path.read_bytes()) == 32:
            return key
    key = secrets.token_bytes(32)
    write_atomically(path, key)
    with suppress(OSError):
        os.chmod(path, 0o600)  # noqa: PTH101
    return key


def read_unused(path: Path) -> tuple[str, dict[str, tuple[int, int]]]:
    """The day of the last cleaning, and what it found unused: id -> (time of last use, days). Nothing if damaged."""
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        kept = json.loads(path.read_bytes())
        return str(kept["day"]), {id: (int(used), int(days)) for id, (used, days) in kept["unused"].items()}
    return "", {}
