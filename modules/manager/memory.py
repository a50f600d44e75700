"""Telling a lack of memory from other errors, and explaining it."""

from __future__ import annotations

from modules.core.errors import OutOfMemory

_WORDS = ("can't allocate memory", "not enough memory", "out of memory")


def out_of_memory(error: Exception, doing: str) -> OutOfMemory | None:
    """The error to show if `error` means that there was no memory for `doing` ("loading x"); None if it does not.

    GPUs raise torch.OutOfMemoryError; for the machine's own memory torch has a bare RuntimeError, Python MemoryError.
    """
    if not isinstance(error, MemoryError) and not any(words in str(error).lower() for words in _WORDS):
        return None
    advice = "close other programs, choose a smaller checkpoint or smaller pictures, or start Taffy with --use-cpu"
    return OutOfMemory(f"there was not enough memory for {doing}", advice)
