"""How much memory those who wait may take, and the sentence for a lack of it."""

from __future__ import annotations

from modules.core.errors import OutOfMemory
from modules.core.scarcity import ram_total

SHARE = 0.4  # of the machine's memory, for checkpoints that wait to be used again


def out_of_memory(doing: str, device: str) -> OutOfMemory:
    """What to show when there was no memory for `doing` ("loading x").

    device: kind of the one that computes, "cpu" or a graphics card's.
    """
    ways = ["close other programs", "choose a smaller checkpoint or smaller pictures"]
    ways += [] if device == "cpu" else ["start Taffy with --use-cpu"]
    advice = f"{', '.join(ways[:-1])} or {ways[-1]}"
    return OutOfMemory(f"there was not enough memory for {doing}", advice)


def ram_budget(wanted: str) -> int:
    """Bytes for waiting checkpoints. wanted: gigabytes as text, or "auto" for 40 % of the machine's memory."""
    return int(SHARE * ram_total()) if wanted == "auto" else int(wanted) * 10**9
