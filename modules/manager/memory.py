"""How much memory there is; telling a lack of it from other errors, and explaining it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from modules.core.errors import OutOfMemory
from modules.core.scarcity import is_lack_of_memory

SHARE = 0.4  # of the machine's memory, for checkpoints that wait to be used again
LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container


def out_of_memory(error: Exception, doing: str, device: str) -> OutOfMemory | None:
    """The error to show if `error` means that there was no memory for `doing` ("loading x"); None if it does not.

    device: kind of the one that computes, "cpu" or a graphics card's.
    """
    if not is_lack_of_memory(error):
        return None
    ways = ["close other programs", "choose a smaller checkpoint or smaller pictures"]
    ways += [] if device == "cpu" else ["start Taffy with --use-cpu"]
    advice = f"{', '.join(ways[:-1])} or {ways[-1]}"
    return OutOfMemory(f"there was not enough memory for {doing}", advice)


def ram_budget(wanted: str) -> int:
    """Bytes for waiting checkpoints. wanted: gigabytes as text, or "auto" for 40 % of the machine's memory."""
    return int(SHARE * _total()) if wanted == "auto" else int(wanted) * 10**9


def _total() -> int:
    """Bytes of the machine or the container; 0 where the system does not say."""
    total = 0
    with suppress(ValueError, OSError, AttributeError):  # Windows has no sysconf
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # "max" is no limit
        total = min(total, int(LIMIT.read_text()))
    return total
