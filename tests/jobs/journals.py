"""What the tests of the journal share."""

from __future__ import annotations

from pathlib import Path

from modules.core.request import GenerationRequest
from modules.jobs.journal import Journal

CAT = GenerationRequest(prompt="a cat \N{CAT FACE}", seed=7, extras={"invert.on": True})


def reopened(path: Path) -> Journal:
    journal = Journal(path)
    journal.recover()
    return journal


def waiting(journal: Journal) -> list[str]:
    return [job.id for job in journal.waiting()]
