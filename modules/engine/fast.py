"""Fast mode: which calls of the network are whole and which are quick."""

from __future__ import annotations

from modules.adapters.deep_features import DeepFeatures
from modules.core.family import Family
from modules.core.moments import Prediction, StepState
from modules.core.request import GenerationRequest
from modules.engine.guidance import Stacker, predict


class Fast:
    """One batch of a pass. Steps 0, n, 2n ... are whole: every picture of every batch is treated alike."""

    def __init__(self, family: Family, request: GenerationRequest) -> None:
        self._family = family
        self._every = request.fast_every
        self._deep = DeepFeatures(family, request.fast_layers)
        self._passed: StepState | None = None

    def predict(self, state: StepState, stack: Stacker) -> Prediction:
        """As `guidance.predict`."""
        quick = state.step % self._every > 0
        if quick and self._passed is not None:
            with self._deep.at_work(quick=False):
                predict(self._family, self._passed, stack)
        self._passed = None
        with self._deep.at_work(quick):
            return predict(self._family, state, stack)

    def pass_over(self, state: StepState) -> None:
        """Somebody knew the answer of a whole call. The next quick call asks for its deep features, and so goes on as
        the picture did whose steps were recorded."""
        if state.step % self._every == 0:
            self._passed = state
