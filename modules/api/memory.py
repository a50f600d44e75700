"""How much of this computer's memory Taffy holds, and giving it back."""

from __future__ import annotations

import time
from contextlib import suppress

import psutil  # type: ignore[import-untyped]
from fastapi import APIRouter

from modules.app import App
from modules.core.scarcity import ram_total
from modules.jobs.questions import ended

KEEP_SECONDS = 2.0
PATIENCE = 20.0  # seconds until a page that asked hears that a job still runs
ROUND = 10_000_000  # bytes: less is no news


def memory_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/memory")
    memory = Memory()

    @routes.get("")
    def now() -> dict[str, int]:
        """{"used": bytes, "total": bytes}."""
        return memory.now()

    @routes.post("/unload")
    def unload() -> dict[str, bool]:
        """Give the memory of all weights back, after the running job: {"unloaded": whether that is done already}."""
        asked, until = app.unload(), time.monotonic() + PATIENCE
        return {"unloaded": all(ended(question, until - time.monotonic()) for question in asked)}

    return routes


class Memory:
    """Reads at most every two seconds, however often it is asked."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._known: dict[str, int] = {}

    def now(self) -> dict[str, int]:
        """used: bytes in memory of this process and those it started. total: the computer's, or the container's."""
        if time.monotonic() - self._read_at > KEEP_SECONDS:
            self._read_at = time.monotonic()
            self._known = {"used": round(held() / ROUND) * ROUND, "total": ram_total()}
        return self._known


def held() -> int:
    """Bytes in memory of this process and of all that it started."""
    this, sizes = psutil.Process(), []
    for process in (this, *this.children(recursive=True)):
        with suppress(psutil.Error):  # it may have ended just now
            sizes.append(int(process.memory_info().rss))
    return sum(sizes)
