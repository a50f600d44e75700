"""Going a recorded way once more, to the bit, to look at what nobody kept: the network is asked at some steps only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from torch import Tensor

from modules.hooks import (
    Attached,
    BadRequest,
    Bench,
    EngineJob,
    GenerationRequest,
    Prediction,
    Question,
    StepState,
    Technique,
    Turn,
)

from .branch import branch_of
from .record import Call, Record
from .recorder import tensor_of

DONE, PARTS = "done", "parts"
OTHER = "this picture was made with other sizes or noise levels than its request says now; make it again"


@dataclass(frozen=True)
class Wish:
    """steps: 0-based, at which the network is asked. words: where they look. parts: the pieces of its answer."""

    steps: tuple[int, ...]
    words: bool = False
    parts: bool = False


class Replaying(Technique):
    """Every call is answered from the record. At the steps that are wished for the network is asked all the same."""

    def __init__(self, job: EngineJob, record: Record, wish: Wish) -> None:
        self._job, self._record, self._wish = job, record, wish
        self._calls = iter(record.calls)
        self._due: Call | None = None
        self._start: Tensor | None = None

    def turns(self) -> tuple[Turn, ...]:
        branch = branch_of(self._job.request)
        return branch.turns if branch else ()

    def before_predict(self, state: StepState) -> StepState | None:
        call = next(self._calls, None)
        if call is None or call.x0.shape != tuple(state.x.shape) or call.sigma != state.sigma:
            raise BadRequest(OTHER)
        self._start = state.x if self._start is None else self._start
        self._due = call if call.step in self._wish.steps else None
        return None if self._due else replace(state, prediction=Prediction(tensor_of(call, state.x)))

    def after_predict(self, state: StepState) -> StepState | None:
        """The network was asked; the way goes on as it was."""
        assert self._due is not None
        if self._wish.parts and self._start is not None and state.prediction is not None:
            answer = state.prediction
            uncond = {} if answer.uncond_x0 is None else {"uncond": answer.uncond_x0}
            told = {"start": self._start, "x": state.x, "x0": answer.x0, **uncond}
            self._job.attach(PARTS, packed({name: each.cpu().numpy() for name, each in told.items()}))
        return replace(state, prediction=Prediction(tensor_of(self._due, state.x)))

    def after_step(self, state: StepState) -> None:
        if sum(self._record.passes[: state.turn]) + state.step == max(self._wish.steps):
            self._job.attach(DONE, b"")


def packed(arrays: Mapping[str, Any]) -> bytes:
    file = BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def arrays(data: bytes) -> dict[str, Any]:
    """What `packed` packed."""
    with np.load(BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def replayed(question: Question, bench: Bench, wish: Wish) -> Iterator[Attached]:
    """What is found on the way. The question has the "request" and, as data, the "steps" and inputs ("input.<id>").

    Raises BadRequest.
    """
    payload: Any = question.payload
    request = replace(GenerationRequest(**payload["request"]), preview="off")
    inputs = {key.removeprefix("input."): data for key, data in question.data.items() if key.startswith("input.")}
    wished = {"steps": wish.steps, "words": wish.words, "parts": wish.parts}
    given = {
        "inside.options": json.dumps({"replay": wished}).encode(),
        "inside.steps": question.data["steps"],
    }
    done = False
    with closing(bench.generate(request, inputs, given)) as events:
        for event in events:
            if isinstance(event, Attached) and event.extension == "inside":
                done = done or event.key == DONE
                if event.key != DONE:
                    yield event
            elif done:
                return
