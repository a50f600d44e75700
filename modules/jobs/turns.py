"""Whose turn it is. People take turns, one job each; a change of the checkpoint is put off, but never for long.

The rule, for each device that is free:
1. Next is whoever was served longest ago; of their jobs the first in their own order.
2. If that job needs another checkpoint than the one this device has loaded, somebody else whose next job does not may
   go first. Everybody is passed over like that at most MOST_PASSED times in a row, and then has their turn.
3. A job whose checkpoint another free device has loaded is left to that one.
So with n people nobody waits longer for their next job than n x (MOST_PASSED + 1) jobs of others take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from modules.jobs.job import Job

MOST_PASSED = 4
Lines = dict[str, deque[Job]]  # owner -> their waiting jobs in order


def lines(waiting: Iterable[Job], paused: Collection[str] = ()) -> Lines:
    """Everybody's own line, without those who rest."""
    found: Lines = {}
    for job in waiting:
        if job.owner not in paused:
            found.setdefault(job.owner, deque()).append(job)
    return found


@dataclass
class Turns:
    """Remembers who was served when, and who was passed over. Forgotten at a restart, which harms nobody."""

    _clock: int = 0
    _served: dict[str, int] = field(default_factory=dict)
    _passed: dict[str, int] = field(default_factory=dict)

    def take(self, waiting: Lines, loaded: str, elsewhere: Collection[str] = ()) -> Job | None:
        """The next job, taken out of its line. loaded: the device's checkpoint. elsewhere: those of other free ones."""
        turn = sorted(waiting, key=lambda owner: (self._served.get(owner, 0), waiting[owner][0].created))
        turn = [owner for owner in turn if (needs := waiting[owner][0].checkpoint) == loaded or needs not in elsewhere]
        if not turn:
            return None
        due = chosen = turn[0]
        if self._passed.get(due, 0) < MOST_PASSED:
            chosen = next((owner for owner in turn if waiting[owner][0].checkpoint in {"", loaded}), due)
        self._note(due, chosen)
        job = waiting[chosen].popleft()
        if not waiting[chosen]:
            del waiting[chosen]
        return job

    def in_order(self, waiting: Lines, loaded: str) -> list[Job]:
        """All of them as one device would take them from now on, if nobody asked for more."""
        turns = replace(self, _served=dict(self._served), _passed=dict(self._passed))
        order = []
        while job := turns.take(waiting, loaded):
            loaded = job.checkpoint or loaded
            order.append(job)
        return order

    def _note(self, due: str, chosen: str) -> None:
        self._clock += 1
        self._served[chosen] = self._clock
        self._passed.pop(chosen, None)
        if chosen != due:
            self._passed[due] = self._passed.get(due, 0) + 1
