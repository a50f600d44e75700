"""The style pictures that ship with Taffy, drawn by `draw.py`: name -> file."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("pictures")
PICTURES = {path.stem.replace("-", " "): path for path in sorted(FOLDER.glob("*.webp"))}
