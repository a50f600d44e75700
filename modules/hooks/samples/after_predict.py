"""Guidance without its change of contrast (Lin et al. 2023, eq. 15, on x0)."""

from dataclasses import replace

from modules.hooks import StepState, hookimpl


@hookimpl
def after_predict(state: StepState) -> StepState | None:
    made = state.prediction
    if made is None or made.uncond_x0 is None:
        return None
    return replace(state, prediction=replace(made, x0=made.x0 * made.uncond_x0.std() / made.x0.std()))
