"""How much memory is free, and telling a lack of it from other errors. Importable without torch."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_WORDS = ("can't allocate memory", "not enough memory", "out of memory")


def is_lack_of_memory(error: Exception) -> bool:
    """GPUs raise torch.OutOfMemoryError; the machine itself a bare RuntimeError of torch, or a MemoryError."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _WORDS)


def ram_free() -> int | None:
    """Bytes the machine can still give; None where only the system itself knows."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1])
    return None


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
    return 0
