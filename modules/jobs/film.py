"""Films: the previews that people saw of the last jobs, kept in memory, and made into one moving picture when asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from pathlib import Path

from PIL import Image

from modules.core.errors import NotThere
from modules.core.events import Frame

BUDGET = 64_000_000  # bytes of JPEG, all jobs together
MOST_SHOTS = 80  # in a film; encoding one of 384 pixels takes about 15 ms
LONGEST_SIDE = 384  # pixels
SHOT_MS, RESULT_MS = 90, 1500


@dataclass(frozen=True)
class Shot:
    """A preview of the job's picture `picture` (0-based; the first one of a batch)."""

    picture: int
    frame: Frame


class Films:
    """The shots of the running job and of some before it: the oldest film goes when there is no room. Any thread."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._lock = threading.Lock()
        self._budget = budget
        self._films: dict[str, list[Shot]] = {}
        self._bytes = 0

    @property
    def size(self) -> int:
        """Bytes of JPEG that are kept now."""
        return self._bytes

    def add(self, job_id: str, shot: Shot) -> None:
        with self._lock:
            self._films.setdefault(job_id, []).append(shot)
            self._bytes += len(shot.frame.jpeg)
            while self._bytes > self._budget:
                oldest = next(iter(self._films))
                if oldest != job_id:
                    gone = self._films.pop(oldest)
                else:  # a film that is too long by itself keeps every second shot
                    gone, self._films[job_id] = self._films[job_id][::2], self._films[job_id][1::2]
                self._bytes -= sum(len(shot.frame.jpeg) for shot in gone)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._films

    def shots(self, job_id: str) -> tuple[Shot, ...]:
        """In their order. Raises NotThere."""
        with self._lock:
            if shots := self._films.get(job_id):
                return tuple(shots)
        raise NotThere("the film of this job is gone: only those of the last few jobs are kept", "make it once more")


def develop(shots: Sequence[Shot], results: Mapping[int, Path]) -> bytes:
    """An animated WebP of the shots, each picture's result held after its own. results: files by picture index."""
    step = -(-len(shots) // MOST_SHOTS)
    last = shots[-1].frame
    shrink = min(1.0, LONGEST_SIDE / max(last.width, last.height))
    size = (max(1, round(last.width * shrink)), max(1, round(last.height * shrink)))
    durations: list[int] = []

    def pictures() -> Iterator[Image.Image]:
        for index, group in groupby(shots[::step], key=lambda shot: shot.picture):
            for shot in group:
                durations.append(SHOT_MS)
                yield opened(BytesIO(shot.frame.jpeg), size)
            if index in results:
                durations.append(RESULT_MS)
                yield opened(results[index], size)

    first, *rest = pictures()
    file = BytesIO()
    first.save(file, "WEBP", save_all=True, append_images=rest, duration=durations, loop=0, quality=80, method=0)
    return file.getvalue()


def opened(file: BytesIO | Path, size: tuple[int, int]) -> Image.Image:
    with Image.open(file) as image:
        return image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
