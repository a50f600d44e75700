"""A branch: a picture that leaves the way of another one after some steps. Its form in a request; needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from modules.hooks import BadRequest, GenerationRequest, Turn

EXTRA = "inside.branch"


@dataclass(frozen=True)
class Branch:
    """job, key: the record of the way it leaves. seed: of the one picture that goes on; None for all of them.

    step: how many steps are as they were. turns: where sampler or noise change, those of the way it leaves included.
    """

    job: str
    key: str
    step: int
    seed: int | None = None
    turns: tuple[Turn, ...] = ()

    def extra(self) -> dict[str, Any]:
        """As a value of the request's extras."""
        return asdict(self) | {"turns": [asdict(turn) for turn in self.turns]}


def branch_of(request: GenerationRequest) -> Branch | None:
    """The branch a request asks for, None for an ordinary one. Raises BadRequest if it cannot be read."""
    asked = request.extras.get(EXTRA)
    if asked is None:
        return None
    try:
        if not isinstance(asked, Mapping):
            raise TypeError("it is no object")
        values: dict[str, Any] = dict(asked)
        turns = tuple(_turn(one) for one in values.pop("turns", ()))
        branch = Branch(**values, turns=turns)
        seed = branch.seed
        if not all(isinstance(text, str) for text in (branch.job, branch.key)) or not _whole(branch.step):
            raise TypeError("job and key are texts, step is a number of steps")
        if seed is not None and not _whole(seed):
            raise TypeError("seed is a whole number or null")
    except (TypeError, ValueError) as error:
        raise BadRequest(f"the branch cannot be read: {error}", "branches are made in the tab Inside") from error
    return branch


def _turn(values: Mapping[str, Any]) -> Turn:
    turn = Turn(**values)
    if not _whole(turn.step) or not isinstance(turn.sampler, str) or not (turn.seed is None or _whole(turn.seed)):
        raise TypeError("a turn has a step, a sampler and a seed")
    return turn


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
