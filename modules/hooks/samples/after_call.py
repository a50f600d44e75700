"""Counts the calls of the network."""

from modules.hooks import StepState, hookimpl

calls: list[float] = []


@hookimpl
def after_call(state: StepState) -> None:
    calls.append(state.sigma)
