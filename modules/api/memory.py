"""How much of this computer's memory Taffy holds, read from /proc; systems without it say nothing."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from fastapi import APIRouter

from modules.app import App
from modules.jobs.questions import pieces

KEEP_SECONDS = 2.0
ROUND = 10_000_000  # bytes: less is no news
PROC = Path("/proc")


def memory_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/memory")
    memory = Memory()

    @routes.get("")
    def now() -> dict[str, int] | None:
        """{"used": bytes, "total": bytes}, or null where it cannot be read."""
        return memory.now()

    @routes.post("/unload")
    def unload() -> dict[str, bool]:
        """Give the memory of all weights back; answered when that is done, after the running job."""
        for question in app.unload():
            for _ in pieces(question, app.workers[question.device].cancel):
                pass
        return {"unloaded": True}

    return routes


class Memory:
    """Reads at most every two seconds, however often it is asked."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._read_at = float("-inf")
        self._known: dict[str, int] | None = None

    def now(self) -> dict[str, int] | None:
        """used: bytes in memory of this process and those it started. total: the computer's. None without /proc."""
        if time.monotonic() - self._read_at > KEEP_SECONDS:
            self._read_at = time.monotonic()
            self._known = self._read()
        return self._known

    def _read(self) -> dict[str, int] | None:
        with suppress(OSError, ValueError, KeyError):
            total = fields(self._proc / "meminfo")["MemTotal"]
            used = sum(self._resident(process) for process in self._family(str(os.getpid())))
            return {"used": round(used / ROUND) * ROUND, "total": total}
        return None

    def _family(self, process: str) -> list[str]:
        """A process and all that it started."""
        with suppress(OSError):  # it may have ended just now
            tasks = (self._proc / process / "task").glob("*/children")
            children = [child for task in tasks for child in task.read_text().split()]
            return [process, *(one for child in children for one in self._family(child))]
        return []

    def _resident(self, process: str) -> int:
        with suppress(OSError):
            return fields(self._proc / process / "status").get("VmRSS", 0)
        return 0


def fields(file: Path) -> dict[str, int]:
    """The sizes in a file of lines like "MemTotal:  16384 kB", in bytes. Raises OSError."""
    rows = (line.split() for line in file.read_text().splitlines() if line.endswith(" kB"))
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows}
