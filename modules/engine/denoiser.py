"""The function a sampler calls: the network behind guidance and the named moments. Knows which step it is."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from modules.core.errors import NotANumber
from modules.core.family import Family
from modules.core.moments import Prediction, SamplerStep, StepState
from modules.core.request import GenerationRequest
from modules.engine.guidance import predict
from modules.engine.prompts import Prompts
from modules.hooks.host import Host


class Denoiser:
    """`denoise(x, sigma) -> Prediction` for one batch of a job. `step` is moved on by the loop."""

    def __init__(
        self, family: Family, host: Host, request: GenerationRequest, prompts: Prompts, first_picture: int
    ) -> None:
        self._family = family
        self._host = host
        self._request = request
        self._prompts = prompts
        self._first_picture = first_picture
        self.step = 0

    def __call__(self, x: Tensor, sigma: float) -> Prediction:
        state = self._host.fold("before_predict", self._state(x, sigma))
        prediction = predict(self._family, state)
        state = self._host.fold("after_predict", replace(state, prediction=prediction))
        if state.prediction is None or not bool(torch.isfinite(state.prediction.x0).all()):
            raise NotANumber(
                f"the network's answer at step {self.step + 1} of {self._request.steps} is not a number",
                "lower the CFG scale, try another sampler, or start Taffy with --precision fp32; "
                "if it happens at every step the checkpoint itself is damaged",
            )
        return state.prediction

    def after(self, step: SamplerStep) -> StepState:
        """The state after a finished step, for those who look."""
        return replace(self._state(step.x, step.sigma), step=step.index, prediction=step.prediction)

    def _state(self, x: Tensor, sigma: float) -> StepState:
        return StepState(
            request=self._request,
            first_picture=self._first_picture,
            step=self.step,
            steps=self._request.steps,
            sigma=sigma,
            x=x,
            prompt=self._prompts.at(self.step),
            uncond=self._prompts.uncond_at(self.step),
        )
