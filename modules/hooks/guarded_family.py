"""A family of an extension, asked so that a broken one is named and skipped."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from modules.core.errors import BadCheckpoint
from modules.core.family import CheckpointCard, Family
from modules.hooks.host import Host

HOOK = "families"


@dataclass(frozen=True)
class GuardedFamily:
    """`FamilyLoader` around an extension's. What it does while it loads ends its own job only."""

    host: Host
    extension: str
    loader: Any

    def matches(self, header: Any) -> bool:
        return bool(self.host.guarded(self.extension, HOOK, lambda: self.loader.matches(header)))

    def card(self, name: str, header: Any) -> CheckpointCard:
        """Raises BadCheckpoint, with the extension's own sentence if it has one."""

        def read() -> CheckpointCard:
            card = self.loader.card(name, header)
            if not isinstance(card, CheckpointCard):
                raise TypeError(f"it answered with a {type(card).__name__}, a CheckpointCard was expected")
            return card

        card = self.host.guarded(self.extension, HOOK, read, passing=(BadCheckpoint,))
        if card is None:
            raise BadCheckpoint(
                f"the extension {self.extension!r} failed at reading it", "the Extensions page says why"
            )
        return card

    def load(self, *given: Any) -> Generator[tuple[int, int], None, Family]:
        family: Family = yield from self.loader.load(*given)
        return family
