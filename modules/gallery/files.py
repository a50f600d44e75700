"""Where a picture's file goes, named as A1111 does: <owner>/txt2img-images/<day>/00012-<seed>.png."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from modules.core.errors import NotThere
from modules.core.requests import AnyRequest
from modules.core.upscaling import UpscaleRequest

_OWNER = re.compile(r"\w[\w.@ -]{0,63}")
_NUMBERED = re.compile(r"([0-9]+)-.*")


def checked_owner(owner: str) -> str:
    """The name as that of a folder. Raises NotThere for odd ones."""
    if not _OWNER.fullmatch(owner):
        raise NotThere(f"nobody can be called {owner!r}")
    return owner


def day_folder(owner: str, request: AnyRequest, day: date) -> str:
    """The folder of an owner's pictures of a kind and a day, relative to the gallery's. Raises NotThere."""
    if isinstance(request, UpscaleRequest):
        kind = "extras-images"
    else:
        kind = "img2img-images" if request.image else "txt2img-images"
    return f"{checked_owner(owner)}/{kind}/{day.isoformat()}"


def next_number(names: Iterable[str]) -> int:
    """One more than the highest number that a name starts with; the first is 0."""
    numbers = (int(match[1]) for name in names if (match := _NUMBERED.fullmatch(name)))
    return max(numbers, default=-1) + 1


def names_in(folder: Path) -> list[str]:
    """The names in a folder; none if there is no such folder."""
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def picture_name(number: int, seed: int) -> str:
    return f"{number:05}-{seed}.png"
