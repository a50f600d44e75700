"""Latent channels for the page: grey levels, mean and deviation of each. Needs no torch."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray

REACH = 2.5  # standard deviations on both sides of the mean that black and white stand for


def channels(latents: NDArray[np.float32]) -> list[dict[str, Any]]:
    """latents: (channels, rows, columns). For each {"mean", "deviation", "grid", "levels"}: bytes in base64."""
    return [channel(one) for one in latents]


def channel(values: NDArray[np.float32]) -> dict[str, Any]:
    mean, deviation = float(values.mean()), float(values.std())
    spread = deviation * REACH or 1.0
    levels = np.clip(np.rint(((values - mean) / spread + 1) * 127.5), 0, 255).astype(np.uint8)
    return {
        "mean": mean,
        "deviation": deviation,
        "grid": list(values.shape),
        "levels": b64encode(levels.tobytes()).decode(),
    }
