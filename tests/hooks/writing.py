"""Extensions for tests: real folders with a manifest."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from modules.hooks.reference import SAMPLES
from modules.hooks.specs import half_of

FILES = {"front": "extension.py", "engine": "engine.py"}


def manifest(folder: Path, name: str, api: str = ">=1.0,<2", requirements: tuple[str, ...] = ()) -> Path:
    """The folder of an extension with nothing but its manifest."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    lines = [f'name = "{name}"', 'version = "1"', f'api = "{api}"', 'description = "a test"']
    lines.append(f"requirements = {list(requirements)}".replace("'", '"'))
    (place / "extension.toml").write_text("\n".join(lines), encoding="utf-8")
    return place


def extension(folder: Path, name: str, front: str = "", engine: str = "") -> Path:
    """An extension of some lines of code; hookimpl and the other names are imported."""
    place = manifest(folder, name)
    for file, code in (("extension.py", front), ("engine.py", engine)):
        if code:
            begin = "from dataclasses import replace\nfrom modules.hooks import *\n"
            (place / file).write_text(begin + dedent(code), encoding="utf-8")
    return place


def sample(folder: Path, hook: str) -> Path:
    """The sample of a hook as an extension of its name."""
    half = half_of(hook)
    place = manifest(folder, hook)
    code = (SAMPLES / f"{hook}.py").read_text(encoding="utf-8")
    for name in FILES.values() if half == "both" else [FILES[half]]:
        (place / name).write_text(code, encoding="utf-8")
    return place
