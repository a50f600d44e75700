"""How long steps took on this computer, by checkpoint and size. Kept over restarts."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path

from modules.core.errors import CannotSave
from modules.core.paths import write_atomically
from modules.core.request import GenerationRequest
from modules.jobs.watch import JobView

MOST = 200  # measured sizes, of all checkpoints together; the one measured longest ago goes first
NEWEST = 0.5  # weight of the newest job
FOUR, FOUR_SECONDS, FOUR_SIDE = 4, 20.0, 128  # pictures, time for them, pixels of a side before anything was measured
Key = tuple[str, int, int]  # checkpoint, width, height


class Pace:
    """Seconds of a step for one picture, measured. Any thread."""

    def __init__(self, path: Path) -> None:
        """path: of the JSON file, [[checkpoint, width, height, seconds] ...]. One that cannot be read is forgotten."""
        self._lock = threading.Lock()
        self._path = path
        self._seconds: dict[Key, float] = {}
        with suppress(OSError, ValueError, TypeError):
            rows = json.loads(path.read_text(encoding="utf-8"))
            self._seconds = {(str(name), int(w), int(h)): float(seconds) for name, w, h, seconds in rows}

    def learn(self, view: JobView | None) -> None:
        """A job is done: remember how long its steps took, whole ones. A disk without room is no reason to fail."""
        request = view.job.request if view else None
        if view is None or view.step_seconds is None or not isinstance(request, GenerationRequest):
            return
        if request.fast_every > 1:
            return
        key = (request.checkpoint, request.width, request.height)
        seconds = view.step_seconds / min(request.batch_size, request.count)
        with self._lock:
            before = self._seconds.pop(key, seconds)
            self._seconds[key] = before + NEWEST * (seconds - before)
            while len(self._seconds) > MOST:
                del self._seconds[next(iter(self._seconds))]
            rows = [[*key, round(seconds, 5)] for key, seconds in self._seconds.items()]
            with suppress(CannotSave):
                write_atomically(self._path, json.dumps(rows).encode())

    def step_seconds(self, checkpoint: str, width: int, height: int) -> float | None:
        """Expected of a step; None for a checkpoint that was never measured.

        A size that was not measured takes the nearest one's seconds in proportion to the pixels.
        """
        with self._lock:
            known = {w * h: seconds for (name, w, h), seconds in self._seconds.items() if name == checkpoint}
        if not known:
            return None
        pixels = width * height
        nearest = min(known, key=lambda measured: abs(measured - pixels))
        return known[nearest] * pixels / nearest


def usual_count(step_seconds: float | None, width: int, height: int, steps: int) -> int:
    """How many pictures a form begins with: four where four are expected in under 20 seconds, else one.

    Before anything was measured the size decides: a small network makes four of 128 x 128 pixels in time on a CPU.
    """
    if step_seconds is None:
        return FOUR if width * height <= FOUR_SIDE**2 else 1
    return FOUR if FOUR * steps * step_seconds < FOUR_SECONDS else 1
