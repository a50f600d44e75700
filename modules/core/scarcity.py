"""How much memory there is and is free, of this computer or of the container; telling a lack of it from other errors.

Importable without torch."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

GROUP = Path("/sys/fs/cgroup")  # of a container: its limit and what it has taken (version 2)
_WORDS = re.compile(
    "can't allocate memory|cannot allocate memory|not enough memory|out of memory"
    "|alloc_failed"  # cuBLAS and cuDNN
    "|paging file is too small"  # Windows, where a file is mapped
    "|could not create a (memory object|primitive(?! descriptor))",  # oneDNN, on processors
    re.IGNORECASE,
)


def is_lack_of_memory(error: Exception) -> bool:
    """GPUs raise torch.OutOfMemoryError; the machine itself a bare RuntimeError of torch, or a MemoryError."""
    return isinstance(error, MemoryError) or bool(_WORDS.search(str(error)))


def ram_total(group: Path = GROUP) -> int:
    """Bytes this computer has, or this container may take."""
    total, limit = int(psutil.virtual_memory().total), _limit(group)
    return total if limit is None else min(total, limit)


def ram_free(group: Path = GROUP) -> int:
    """Bytes that can still be had. What a container has of files only can be taken back from it."""
    free, limit = int(psutil.virtual_memory().available), _limit(group)
    if limit is None:
        return free
    held = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    taken = int((group / "memory.current").read_text()) - int(held["file"]) + int(held["shmem"])
    return max(0, min(free, limit - taken))


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(psutil.Process().memory_info().rss)


def _limit(group: Path) -> int | None:
    """None where there is none: no container, or one that may take all."""
    with suppress(OSError, ValueError):  # "max" is no limit
        return int((group / "memory.max").read_text())
    return None
