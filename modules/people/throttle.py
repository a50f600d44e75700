"""How often somebody may try: a few wrong answers a minute from one address, and not many from all together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

WINDOW_SECONDS = 60.0
EACH, TOGETHER = 5, 60


class Throttle:
    """Counts tries before they are judged, so that many at once are no way around it. Any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tries: list[tuple[float, str]] = []

    def seconds(self, address: str) -> float:
        """0 if this address may try now, and the try is counted; else how long to wait."""
        now = self._clock()
        with self._lock:
            self._tries = [(at, who) for at, who in self._tries if now - at < WINDOW_SECONDS]
            own = [at for at, who in self._tries if who == address]
            for tries, most in ((own, EACH), ([at for at, _ in self._tries], TOGETHER)):
                if len(tries) >= most:
                    return WINDOW_SECONDS - (now - tries[-most])
            self._tries.append((now, address))
        return 0.0

    def forgive(self, address: str) -> None:
        """It was the right answer: earlier tries of this address do not count."""
        with self._lock:
            self._tries = [(at, who) for at, who in self._tries if who != address]
