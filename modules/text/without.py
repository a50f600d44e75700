"""A prompt without one of its words, the grammar around it kept whole."""

from __future__ import annotations

import re

from modules.text.chunks import WORD

NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
NO_WORDS = re.compile(rf"<[^<>]*>|#[^\n]*|\bAND\b|\bBREAK\b|:\s*{NUMBER}\s*(?=[)\]]|\bAND\b|$)")
EMPTIED = re.compile(rf"\s*(?::\s*{NUMBER}\s*)?")
CLOSING = {"(": ")", "[": "]"}


def without_words(prompt: str) -> tuple[tuple[str, str], ...]:
    """Each word in order, and the prompt without it. LoRAs, comments, weights, AND and BREAK are no words.

    Brackets that held nothing else go with it, and so does a comma that is left alone.
    """
    taken = [match.span() for match in NO_WORDS.finditer(prompt)]
    words = [
        one for one in WORD.finditer(prompt) if not any(start < one.end() and one.start() < end for start, end in taken)
    ]
    return tuple((word[0], _joined(prompt[: word.start()], prompt[word.end() :])) for word in words)


def _joined(before: str, after: str) -> str:
    """What stood on both sides of a word that is gone."""
    while (bracket := before.rstrip()[-1:]) in CLOSING:
        rest = after[EMPTIED.match(after).end() :]  # type: ignore[union-attr]
        if not rest.startswith(CLOSING[bracket]):
            break
        before, after = before.rstrip()[:-1], rest[1:]
    before, after = before.rstrip(" "), after.lstrip(" ")
    if after.startswith(",") and before[-1:] in {"", ","}:
        after = after[1:].lstrip(" ")
    gap = "" if not before or not after or after[0] in ",.;:!?)]|" or before[-1] in "([|:" else " "
    return f"{before}{gap}{after}"
