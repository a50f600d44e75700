"""How pictures are written for the documentation: small enough for a repository. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def save_small(picture: Image.Image, path: Path) -> None:
    """A WebP, a fifth of the PNG; letters of 12 pixels stay sharp."""
    picture.save(path, "WEBP", quality=80, method=6)
