"""The pictures of a folder that a result is compared with: which there are, their hashes, and where the VAE puts them.

What was found out of a file is kept until the file changes, so that a second look is quick.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from modules.hooks import BadRequest, CannotSave

from .hashing import BITS, Bits, perceptual_hash

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})
MOST_FILES = 50_000
MOST_PIXELS = 64_000_000
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, TypeError, Image.DecompressionBombError)  # Pillow's


def pictures_in(folder: str) -> list[Path]:
    """All picture files below a folder, by name; links are not followed. Raises BadRequest."""
    root = Path(folder).expanduser()
    if not folder.strip() or not root.is_absolute() or not root.is_dir():
        raise BadRequest(f"there is no folder {folder!r:.200}", "give the whole path, such as /home/me/pictures")
    found = []
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place) / name for name in sorted(names) if Path(name).suffix.lower() in SUFFIXES]
        if len(found) > MOST_FILES:
            raise BadRequest(f"the folder has more than {MOST_FILES:,} pictures", "name one of the folders inside")
    if not found:
        raise BadRequest(f"there are no pictures in {folder!r:.200}", f"looked for {', '.join(sorted(SUFFIXES))}")
    return found


def opened(path: Path) -> Image.Image:
    """As RGB. Raises one of UNREADABLE."""
    with Image.open(path) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError("it is too large")
        image.draft("RGB", (512, 512))  # a JPEG can be read smaller, which is much quicker
        return image.convert("RGB")


def read(name: str) -> Image.Image | None:
    """None for a file that went away or broke meanwhile."""
    try:
        return opened(Path(name))
    except UNREADABLE:
        return None


def square(picture: Image.Image, side: int) -> bytes:
    """Squeezed to a square, RGB."""
    return picture.resize((side, side), Image.Resampling.BOX).tobytes()


@dataclass
class Known:
    """What is known of files, by path: their stamps (size and time), hashes and points."""

    stamps: dict[str, tuple[int, int]] = field(default_factory=dict)
    hashes: dict[str, Bits] = field(default_factory=dict)
    points: dict[str, NDArray[np.float16]] = field(default_factory=dict)

    def learn(self, path: Path) -> None:
        """Read a file's hash unless it is known. Raises one of UNREADABLE."""
        about, name = path.stat(), str(path)
        stamp = about.st_size, about.st_mtime_ns
        if self.stamps.get(name) == stamp:
            return
        self.forget(name)
        self.hashes[name] = perceptual_hash(opened(path))
        self.stamps[name] = stamp

    def forget(self, name: str) -> None:
        for table in (self.stamps, self.hashes, self.points):
            table.pop(name, None)


def shelf(folder: Path, pictures: str, key: str) -> Path:
    """Where what is known of a folder's pictures is kept; another VAE sees them differently."""
    name = sha256(f"{pictures}\n{key}".encode()).hexdigest()[:24]
    return folder / f"{name}.npz"


def load(path: Path) -> Known:
    """Nothing is known where the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            names = [str(name) for name in data["names"]]
            stamps = [(int(size), int(time)) for size, time in data["stamps"]]
            points = dict(zip((str(name) for name in data["placed"]), data["points"], strict=True))
            return Known(dict(zip(names, stamps, strict=True)), dict(zip(names, data["hashes"], strict=True)), points)
    except (OSError, ValueError, KeyError, EOFError, TypeError):
        return Known()


def save(path: Path, known: Known) -> None:
    """Whole or not at all. Raises CannotSave."""
    names = list(known.stamps)
    placed = [name for name in names if name in known.points]
    part = path.with_suffix(".part.npz")
    try:
        np.savez(
            part,
            names=np.array(names, dtype=np.str_),
            stamps=np.array([known.stamps[name] for name in names], np.int64).reshape(-1, 2),
            hashes=np.array([known.hashes[name] for name in names], np.bool_).reshape(-1, BITS),
            placed=np.array(placed, dtype=np.str_),
            points=np.array([known.points[name] for name in placed], np.float16),
        )
        part.replace(path)
    except OSError as error:
        raise CannotSave(f"what was found out of the folder cannot be kept: {error.strerror or error}") from error


def each(paths: list[Path], known: Known) -> Iterator[tuple[int, str]]:
    """Learn one file after the other: (how many are done, the name of one that cannot be read or "")."""
    for done, path in enumerate(paths, 1):
        try:
            known.learn(path)
            yield done, ""
        except UNREADABLE:
            known.forget(str(path))
            yield done, path.name
