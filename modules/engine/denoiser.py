"""The function a sampler calls: the network behind guidance and the named moments. Knows which step it is."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from modules.core.errors import NotANumber
from modules.core.family import Family
from modules.core.moments import Prediction, SamplerStep, StepState
from modules.engine.fast import Fast
from modules.engine.guidance import Stacker, predict
from modules.engine.mask import changing
from modules.engine.start import Pass
from modules.hooks.engine_host import Moments


class Denoiser:
    """`denoise(x, sigma) -> Prediction` for one batch of a pass. `step` is moved on by the loop.

    latents: (batch, c, h, w), what stands where the origin's mask keeps the picture; None without a picture.
    """

    def __init__(
        self,
        family: Family,
        moments: Moments,
        run: Pass,
        first_picture: int,
        latents: Tensor | None = None,
        job: str = "",
    ) -> None:
        self._family = family
        self._moments = moments
        self._run = run
        self._first_picture = first_picture
        self._latents = latents
        self._job = job
        self._stack = Stacker()
        self._fast = Fast(family, run.request) if run.request.fast_every > 1 else None
        self.step = 0

    def __call__(self, x: Tensor, sigma: float) -> Prediction:
        state = self._moments.fold("before_predict", self._state(x, sigma))
        if state.prediction is None:  # else an extension knows the answer
            state = replace(state, prediction=self._asked(state))
            state = self._moments.fold("after_predict", state)
        elif self._fast:
            self._fast.pass_over(state)
        if state.prediction is None or not bool(torch.isfinite(state.prediction.x0).all()):
            raise NotANumber(
                f"the network's answer at step {self.step + 1} of {self._run.steps} is not a number",
                "lower the CFG scale, try another sampler, or start Taffy with --precision fp32; "
                "if it happens at every step the checkpoint itself is damaged",
            )
        answer = self._masked(state.prediction)
        self._moments.notice("after_call", replace(state, prediction=answer))
        return answer

    def _asked(self, state: StepState) -> Prediction:
        if self._fast:
            return self._fast.predict(state, self._stack)
        return predict(self._family, state, self._stack)

    def after(self, step: SamplerStep) -> StepState:
        """The state after a finished step, for those who look."""
        return replace(self._state(step.x, step.sigma), step=step.index, prediction=step.prediction)

    def _masked(self, prediction: Prediction) -> Prediction:
        """Where the mask keeps the picture the answer is the picture, so x follows it at every noise level."""
        origin = self._run.origin
        if origin is None or origin.degree is None or self._latents is None:
            return prediction
        changes = changing(origin.degree, self.step, self._run.steps)
        return replace(prediction, x0=torch.where(changes, prediction.x0, self._latents))

    def _state(self, x: Tensor, sigma: float) -> StepState:
        return StepState(
            request=self._run.request,
            first_picture=self._first_picture,
            step=self.step,
            steps=self._run.steps,
            sigma=sigma,
            x=x,
            prompt=self._run.prompts.at(self.step),
            uncond=self._run.prompts.uncond_at(self.step),
            job=self._job,
            turn=self._run.turn,
        )
