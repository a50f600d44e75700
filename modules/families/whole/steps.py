"""A pipeline's steps as a stream. It runs in a thread of its own and waits at every step until it is asked for more, so
closing the stream ends it within a step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from math import sqrt
from queue import SimpleQueue
from threading import Thread
from typing import Any

from torch import Tensor

from modules.core.moments import PaintedStep


class _Stopped(Exception):
    """Raised inside the pipeline when nobody wants its result any more."""


def run(schedulers: Sequence[Any], call: Callable[[], Tensor]) -> Generator[PaintedStep, None, Tensor]:
    """Every step of `call()` that one of the schedulers takes; returns what it gives. Raises what it raises."""
    told: SimpleQueue[PaintedStep | Tensor | BaseException] = SimpleQueue()
    answers: SimpleQueue[bool] = SimpleQueue()  # whether to go on

    def hear(step: PaintedStep) -> None:
        told.put(step)
        if not answers.get():
            raise _Stopped

    def work() -> None:
        try:
            with listening(schedulers, hear):
                told.put(call())
        except BaseException as error:  # told to whoever reads the stream, who raises it
            told.put(error)

    thread = Thread(target=work, name="pipeline", daemon=True)
    thread.start()
    try:
        while isinstance(item := told.get(), PaintedStep):
            yield item
            answers.put(True)
    finally:
        answers.put(False)
        thread.join()
    if isinstance(item, BaseException):
        raise item
    return item


@contextmanager
def listening(schedulers: Sequence[Any], hear: Callable[[PaintedStep], None]) -> Iterator[None]:
    """Within it, `hear(step)` is called after every step of the schedulers of diffusers."""
    done: dict[int, int] = {}  # scheduler -> steps it has taken

    def listened(scheduler: Any) -> Callable[..., Any]:
        plain = scheduler.step

        @wraps(plain)  # pipelines look at its signature
        def step(output: Tensor, timestep: Any, sample: Any = None, *rest: Any, **more: Any) -> Any:
            answer = plain(output, timestep, sample, *rest, **more)
            sigma = sigma_before(scheduler, timestep)
            before = sum(done.values())
            done[id(scheduler)] = done.get(id(scheduler), 0) + 1
            others = sum(taken for key, taken in done.items() if key != id(scheduler))
            x0 = guess(scheduler, answer, output, sample)
            hear(PaintedStep(before, others + len(scheduler.timesteps), sigma, answer[0], x0))
            return answer

        return step

    try:
        for scheduler in schedulers:
            scheduler.step = listened(scheduler)
        yield
    finally:
        for scheduler in schedulers:
            del scheduler.step


def sigma_before(scheduler: Any, timestep: Any) -> float:
    """The noise before the step that was just taken at a timestep; 0 where a scheduler has none."""
    if (index := getattr(scheduler, "step_index", None)) and hasattr(scheduler, "sigmas"):
        return float(scheduler.sigmas[index - 1])
    if hasattr(scheduler, "alphas_cumprod"):
        kept = float(scheduler.alphas_cumprod[int(timestep)])
        return sqrt((1 - kept) / kept)
    return 0.0


def guess(scheduler: Any, answer: Any, output: Tensor, sample: Any) -> Tensor:
    """The estimate of the finished latents: the scheduler's own, what its output means, else where the step ended."""
    second, last = answer[1] if len(answer) > 1 else None, answer[0]
    if isinstance(second, Tensor) and second.shape == last.shape:
        return second
    index = getattr(scheduler, "step_index", None)
    if not index or not hasattr(scheduler, "sigmas") or not isinstance(sample, Tensor) or sample.shape != output.shape:
        end: Tensor = last
        return end
    sigma = scheduler.sigmas[index - 1]
    if "FlowMatch" in type(scheduler).__name__:
        return sample - float(sigma) * output
    return _as_solvers_do(scheduler, sigma, output, sample)


def _as_solvers_do(scheduler: Any, sigma: Tensor, output: Tensor, sample: Tensor) -> Tensor:
    """DPM-Solver and its kin know how much signal and noise there is: x = a x0 + s noise."""
    to_parts = getattr(scheduler, "_sigma_to_alpha_sigma_t", None)
    if to_parts is None:
        return sample
    a, s = (float(part) for part in to_parts(sigma))
    match scheduler.config.get("prediction_type"):
        case "epsilon":
            return (sample - s * output) / a
        case "v_prediction":
            return a * sample - s * output
        case "flow_prediction":
            return sample - s * output
        case _:
            return output
