"""How much of its time a stage has used, not counting pauses and interruptions."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


class Clock:
    """Counts working seconds against a budget; sleeps while the pause file exists.

    A stage calls `tick` once per step. `used` is saved with the stage and given back on resume,
    so that a schedule over `fraction` goes on where it was.
    """

    def __init__(
        self,
        budget: float,
        pause_file: Path | None = None,
        used: float = 0.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.budget, self.used = budget, used
        self._pause_file, self._now, self._sleep = pause_file, now, sleep
        self._last = now()

    def tick(self) -> None:
        """Add the time since the last tick, then wait for as long as the pause file is there."""
        self.used += self._now() - self._last
        while self._pause_file is not None and self._pause_file.exists():
            self._sleep(1.0)
        self._last = self._now()

    @property
    def fraction(self) -> float:
        """Share of the budget that is used, 0..1."""
        return min(1.0, self.used / self.budget)

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return self.used >= self.budget

    @property
    def left(self) -> float:
        """Working seconds left."""
        return max(0.0, self.budget - self.used)


def learning_rate(fraction: float, step: int, peak: float, warmup: int, decay_from: float = 0.75) -> float:
    """Linear warm-up over steps, constant, then linear decay to 2 % over the last part of the time."""
    warm = min(1.0, (step + 1) / warmup)
    late = max(0.0, (fraction - decay_from) / (1 - decay_from))
    return peak * warm * (1 - 0.98 * late)
