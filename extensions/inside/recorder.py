"""One job seen from inside: every answer of the network is kept, and the first ones are taken from a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from modules.hooks import BadRequest, EngineJob, Prediction, StepState, Technique, Turn

from .branch import Branch
from .machine import machine
from .record import Call, Record

MOST_BYTES = 60_000_000  # of one record; a piece of a job's record may have 64 MB
TOO_LARGE = (
    "the steps of {pictures} pictures at once at {width} x {height} pixels are more than {most} MB and were not kept"
)


class Inside(Technique):
    """keep: whether the steps of this job's pictures are wanted. branch, steps: what it leaves, None for no branch."""

    def __init__(self, job: EngineJob, keep: bool, branch: Branch | None, steps: Record | None) -> None:
        """Raises BadRequest for a branch whose way is not known any more, or is another one."""
        self._job, self._keep, self._branch = job, keep, branch
        self._left = None if branch is None else leaving(branch, steps, job.request.count)
        self._answered = 0
        self._first = 0
        self._passes: list[int] = []
        self._calls: list[Call] = []

    def before_predict(self, state: StepState) -> StepState | None:
        """The steps before the branch are answered from the record."""
        if self._branch is None or self._left is None or self._done(state) + state.step >= self._branch.step:
            return None
        call = self._left.calls[self._answered]
        if call.x0.shape != tuple(state.x.shape) or call.sigma != state.sigma:
            raise BadRequest(
                "this branch has another size or other noise levels than the picture it leaves",
                "keep its size, steps, schedule and strength; choose what may change in the tab Inside",
            )
        self._answered += 1
        return replace(state, prediction=Prediction(tensor_of(call, state.x)))

    def after_call(self, state: StepState) -> None:
        """Keep what the sampler gets."""
        self._first = state.first_picture
        if len(self._passes) <= state.turn:
            self._passes.append(state.steps)
        if self._keep and state.prediction is not None:
            x0 = state.prediction.x0
            numbers = x0.contiguous().cpu().numpy()
            self._calls.append(Call(self._done(state) + state.step, state.sigma, numbers, _channels_last(x0)))

    def before_decode(self, latent: Tensor, index: int) -> None:
        """The steps of a batch are complete when its first picture is."""
        if self._calls:
            record = self._whole()
            self._job.attach(record.key, record.packed())
        self._calls, self._passes, self._answered = [], [], 0

    @property
    def calls(self) -> Sequence[Call]:
        """Of this batch, so far."""
        return self._calls

    def record(self, calls: Sequence[Call]) -> Record:
        """Some calls of this batch as a record."""
        request = self._job.request
        own = request.variation_seed if request.variation_strength else request.seed
        pictures = min(request.batch_size, request.count - self._first)
        return Record(own + self._first, pictures, tuple(self._passes), tuple(calls), made=machine())

    def turns(self) -> tuple[Turn, ...]:
        return self._branch.turns if self._branch else ()

    def facts(self) -> Mapping[str, str]:
        return {"Branched after step": str(self._branch.step)} if self._branch else {}

    def _done(self, state: StepState) -> int:
        """Steps of the passes before this one."""
        return sum(self._passes[: state.turn])

    def _whole(self) -> Record:
        request, record = self._job.request, self.record(self._calls)
        if sum(call.x0.nbytes for call in record.calls) <= MOST_BYTES:
            return record
        words = TOO_LARGE.format(
            pictures=record.pictures, width=request.width, height=request.height, most=MOST_BYTES // 1_000_000
        )
        return replace(record, calls=(), problem=words)


def leaving(branch: Branch, steps: Record | None, pictures: int) -> Record:
    """What a branch begins with. Raises BadRequest."""
    if steps is None or steps.problem:
        raise BadRequest(
            "the steps of the picture that this one leaves are not kept any more",
            "make that picture again with its own parameters, then branch from it",
        )
    left = steps if branch.seed is None else steps.alone(branch.seed)
    if branch.step > steps.steps or pictures != left.pictures:
        raise BadRequest(
            f"a branch leaves after 0 to {steps.steps} steps with {left.pictures} pictures at once; "
            f"got {branch.step} steps and {pictures} pictures"
        )
    return left


def _channels_last(x0: Tensor) -> bool:
    return not x0.is_contiguous() and x0.is_contiguous(memory_format=torch.channels_last)


def tensor_of(call: Call, like: Tensor) -> Tensor:
    """The recorded numbers where x is, laid out in memory as they were: a layout chooses kernels, and they round."""
    x0 = torch.from_numpy(call.x0.copy()).to(like.device)
    return x0.contiguous(memory_format=torch.channels_last) if call.last else x0
