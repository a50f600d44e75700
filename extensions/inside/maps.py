"""Where the words of one step looked, as a line of JSON for the page: bytes 0 to 255 for each word and place."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 32  # places of the longer side of every map, whatever the network's grid


def grid(rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns of the maps of latents of this shape."""
    longer = max(rows, columns)
    return max(1, round(SIDE * rows / longer)), max(1, round(SIDE * columns / longer))


def line(step: int, words: Sequence[tuple[int, str]], maps: NDArray[np.float32]) -> bytes:
    """words: (part of the prompt, word). maps: (words, rows, columns), shares of the attention, 0 to 1.

    scale: the share that 255 stands for.
    """
    scale = float(maps.max()) if maps.size else 0.0
    levels = np.rint(maps * (255 / scale if scale else 0)).astype(np.uint8)
    about: dict[str, Any] = {
        "step": step,
        "words": [list(word) for word in words],
        "grid": list(maps.shape[1:]),
        "scale": scale,
        "maps": b64encode(levels.tobytes()).decode(),
    }
    return json.dumps(about).encode() + b"\n"


def shares(told: bytes) -> dict[tuple[int, str], NDArray[np.float64]]:
    """What `line` told: (part of the prompt, word) -> (rows, columns). Of a word that stands twice the last."""
    about = json.loads(told)
    levels = np.frombuffer(b64decode(about["maps"]), np.uint8).reshape(-1, *about["grid"])
    words = [(int(part), str(word)) for part, word in about["words"]]
    return dict(zip(words, levels * (about["scale"] / 255), strict=True))
