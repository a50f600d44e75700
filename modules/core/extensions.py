"""What the halves of the program tell each other about extensions: faults, and messages in plain JSON."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

Message = JsonValue
"""What the two halves of an extension say to each other: numbers, text, lists and objects of them."""


@dataclass(frozen=True)
class Fault:
    """What went wrong in an extension: a sentence for the page, the traceback for its author.

    hook: where, a hook's name or "load". off: whether the extension was switched off for it.
    """

    extension: str
    message: str
    traceback: str = ""
    hook: str = ""
    off: bool = False
