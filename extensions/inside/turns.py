"""Many steps asked of the engine, in parts that take some seconds each: who waits for a picture comes between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import TypeVar

Piece = TypeVar("Piece")
SECONDS = 8.0  # the engine is taken for about so long
FIRST = 2  # steps of the first part: between their answers is the time of one


def in_turns(steps: Sequence[int], ask: Callable[[Sequence[int]], Iterable[Piece]]) -> Iterator[Piece]:
    """The answers to all steps. ask(some of them): one answer each, in order."""
    count, done = FIRST, 0
    while done < len(steps):
        before, each = None, 0.0
        for piece in ask(steps[done : done + count]):
            now = monotonic()
            each = max(each, now - before if before is not None else 0.0)
            before = now
            yield piece
        done += count
        if each:
            count = max(1, int(SECONDS / each))
