"""What the C library does with memory that is given back: kept for the next step, returned when weights leave.

Each step of a large picture asks for the same hundreds of megabytes. glibc returns such pieces to the system at once
and gets them back page by page, filled with zeros: 150,000 page faults a step of Stable Diffusion 1.5 at 512 x 512.
"""

from __future__ import annotations

import ctypes
import sys

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # malloc.h
LARGEST = 1 << 30  # bytes of a piece that is still kept
NEVER = (1 << 31) - 1


def keep_freed_memory() -> None:
    """From now on, in this process."""
    set_thresholds(LARGEST, NEVER)


def set_thresholds(mapped: int, kept: int) -> None:
    """Bytes from which a piece comes straight from the system, and free bytes that are kept. Only glibc is told."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, mapped)
        libc.mallopt(_TRIM_THRESHOLD, kept)


def return_freed_memory() -> None:
    """To the system, now."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
