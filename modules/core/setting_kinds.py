"""What a setting may be, in words, and how it is read from text or TOML. Standard library only."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # the folder of webui.py


@dataclass(frozen=True)
class Kind:
    """What a setting may be, in words, and how to read it from text or TOML; relative folders start at `base`.

    `read(given, base)` raises ValueError for anything else. choices: all values, where they can be listed.
    """

    allowed: str
    read: Callable[[object, Path], object]
    choices: tuple[str, ...] = ()


def whole(low: int, high: int) -> Kind:
    def read(given: object, base: Path) -> int:
        if isinstance(given, bool) or not re.fullmatch(r"\d{1,9}", str(given)) or not low <= int(str(given)) <= high:
            raise ValueError(given)
        return int(str(given))

    return Kind(f"a whole number from {low} to {high}", read)


def matching(pattern: str, allowed: str) -> Kind:
    def read(given: object, base: Path) -> str:
        if not isinstance(given, str) or not re.fullmatch(pattern, given):
            raise ValueError(given)
        return given

    return Kind(allowed, read)


def one_of(*names: str) -> Kind:
    return replace(matching("|".join(map(re.escape, names)), " or ".join(names)), choices=names)


def switch(*words: str) -> Kind:
    """True for TOML's true, for 1, true, yes, on, and for `words`."""

    def read(given: object, base: Path) -> bool:
        word = str(given).lower()
        if word not in {"1", "true", "yes", "on", "0", "false", "no", "off", *words}:
            raise ValueError(given)
        return word not in {"0", "false", "no", "off"}

    return Kind(" or ".join(["yes", "no", *words]), read)


def _folder(given: object, base: Path) -> Path:
    if not isinstance(given, str) or not given or "\0" in given:
        raise ValueError(given)
    try:
        return (base / Path(given).expanduser()).resolve()
    except RuntimeError as error:  # a home of nobody, a link in a circle
        raise ValueError(given) from error


def _folders(given: object, base: Path) -> tuple[Path, ...]:
    """A list, or text with the system's path separator (":", on Windows ";") -> Taffy's own models folder and these."""
    several = given if isinstance(given, list) else str(given).split(os.pathsep)
    return (ROOT / "models", *(_folder(one, base) for one in several))


def _extension_folders(given: object, base: Path) -> tuple[Path, ...]:
    """The same for folders with extensions."""
    return (ROOT / "extensions", *_folders(given, base)[1:])


SWITCH = switch()
GIGABYTES = matching(r"auto|\d{1,4}", "auto or whole gigabytes")
NAME = matching(r"(?s).+", "a name")
FOLDER = Kind("a folder", _folder)
FILE_OF = Kind("a file", _folder)
FOLDERS = Kind("one folder or several", _folders)
EXTENSION_FOLDERS = Kind("one folder or several", _extension_folders)
BACKEND = matching(
    r"auto|cpu|xpu|cu\d{2,3}|rocm[\d.]+", "auto, cpu, xpu, cu130 (or another CUDA) or rocm7.2 (or another)"
)
