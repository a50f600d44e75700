"""Shares with their uncertainty: how many of how many, and the interval that the true share lies in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

from torch import Tensor

Z95 = 1.959964  # standard deviations that hold 95 % of a normal distribution


def wilson(right: int, n: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927): bounds in 0..1; all of 0..1 for n = 0."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = right / n, z * z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Figure:
    """One measured share. chance: what guessing would reach."""

    right: int
    n: int
    chance: float

    @property
    def share(self) -> float:
        return self.right / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.n)

    def plain(self) -> dict[str, Any]:
        """For JSON, to four places."""
        low, high = self.interval
        return {**asdict(self), "share": round(self.share, 4), "low": round(low, 4), "high": round(high, 4)}

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.share:.1%} ({low:.1%} to {high:.1%}), {self.right} of {self.n}, chance {self.chance:.1%}"


def figure(hits: Tensor, answers: int) -> Figure:
    """How many of the bools (n,) are true, where a guess is one of `answers`."""
    return Figure(int(hits.sum()), len(hits), 1 / answers)
