"""Several techniques as one: a job has one of each extension."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from torch import Tensor

from modules.hooks import StepState, Technique, Turn


class Together(Technique):
    """Each sees what the one before it returned. They are left in reverse order."""

    def __init__(self, *ones: Technique) -> None:
        self._ones = ones
        self._entered = ExitStack()

    def __enter__(self) -> Self:
        for one in self._ones:
            self._entered.enter_context(one)
        return self

    def add(self, one: Technique) -> None:
        """From the next moment on, before the last one."""
        self._entered.enter_context(one)
        self._ones = (*self._ones[:-1], one, self._ones[-1])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered.close()

    def before_predict(self, state: StepState) -> StepState | None:
        for one in self._ones:
            state = one.before_predict(state) or state
        return state

    def after_predict(self, state: StepState) -> StepState | None:
        for one in self._ones:
            state = one.after_predict(state) or state
        return state

    def after_call(self, state: StepState) -> None:
        for one in self._ones:
            one.after_call(state)

    def after_step(self, state: StepState) -> None:
        for one in self._ones:
            one.after_step(state)

    def before_decode(self, latent: Tensor, index: int) -> None:
        for one in self._ones:
            one.before_decode(latent, index)

    def turns(self) -> tuple[Turn, ...]:
        return tuple(turn for one in self._ones for turn in one.turns())

    def facts(self) -> Mapping[str, str]:
        return {name: fact for one in self._ones for name, fact in one.facts().items()}
