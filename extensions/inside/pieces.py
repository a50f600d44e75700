"""What is known of a picture that is being made: pieces that were kept while its job runs. Needs no torch.

A piece holds some steps of one batch: a line of JSON for what only the page wants, then a record of these steps.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from modules.hooks import Desk, NotThere

from .record import Record, unpacked

NOW = "now"  # the first part of their keys


@dataclass(frozen=True)
class Sofar:
    """Steps that are new. looks: (step, a picture as a data URL). words: `maps.line` of steps. start: what the picture
    began with, in the first piece of a batch. looks, words and start are of the batch's first picture."""

    record: Record
    looks: Sequence[tuple[int, str]] = ()
    words: Sequence[bytes] = ()
    start: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """In the order of letters those of one batch are in the order of steps."""
        calls, record = self.record.calls, self.record
        return f"{NOW}-{record.seed}-{record.pictures}-{calls[0].step:04d}-{calls[-1].step:04d}"

    def packed(self) -> bytes:
        words = [json.loads(line) for line in self.words]
        about = {"looks": [list(look) for look in self.looks], "words": words, "start": self.start}
        return json.dumps(about).encode() + b"\n" + self.record.packed()


@dataclass(frozen=True)
class Key:
    """The key of a piece: the batch's first seed, its pictures, the first and the last step (0-based)."""

    seed: int
    pictures: int
    first: int
    last: int
    text: str


def key_of(text: str) -> Key | None:
    """None for keys of other things."""
    kind, *rest = text.split("-")
    if kind != NOW or len(rest) != 4 or not all(part.isdecimal() for part in rest):
        return None
    seed, pictures, first, last = map(int, rest)
    return Key(seed, pictures, first, last, text)


def keys(desk: Desk, job: str) -> list[Key]:
    """Of all pieces of a job, by batch and step."""
    found = [key for text in desk.attachments(job) if (key := key_of(text))]
    return sorted(found, key=lambda key: (key.seed, key.first))


def read(desk: Desk, job: str, key: Key) -> tuple[dict[str, Any], Record] | None:
    """What the page wants, and the steps; None for one that was swept away meanwhile. Raises BadRequest."""
    with suppress(NotThere):
        about, _, record = desk.attached(job, key.text).partition(b"\n")
        return json.loads(about), unpacked(record)
    return None


def sweep(desk: Desk, job: str) -> None:
    """The job has ended, or begins anew."""
    for key in keys(desk, job):
        desk.detach(job, key.text)
