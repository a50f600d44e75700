"""Writes the noise level of each step to the log."""

import logging

from modules.hooks import StepState, hookimpl


@hookimpl
def after_step(state: StepState) -> None:
    logging.getLogger(__name__).warning("step %d of %d: sigma %.2f", state.step + 1, state.steps, state.sigma)
