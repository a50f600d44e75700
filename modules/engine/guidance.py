"""Classifier-free guidance: how the answers to the prompt and to the negative prompt become one prediction."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from modules.core.family import Conditioning, Family
from modules.core.moments import Prediction, StepState

KEPT = 4  # stacks: prompts of different lengths, and one that comes next


def guide(uncond: Tensor, cond: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022, eq. 6), here on x0."""
    return uncond + scale * (cond - uncond)


def needs_uncond(family: Family, cfg_scale: float, weights: Sequence[float]) -> bool:
    """Whether the negative prompt has any effect: not for one unweighted prompt at scale 1."""
    return cfg_scale != 1 or tuple(weights) != (1.0,) or family.card.input_kind == "instruct"


class Stacker:
    """Joins conditionings for a batched call. The same ones give the very same tensors, so that attention projects the
    words once a job and not once a step."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, ...], tuple[Sequence[Conditioning], Conditioning]] = OrderedDict()

    def __call__(self, rows: Sequence[Conditioning], batch: int) -> Conditioning:
        """Each row for every picture of the batch."""
        key = (*map(id, rows), batch)
        if key not in self._known:
            self._known[key] = (rows, _stack(rows, batch))  # while they are kept no other has their ids
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return self._known[key][1]


def predict(family: Family, state: StepState, stack: Stacker) -> Prediction:
    """Ask the network about state.x; parts joined by AND add up (Liu et al. 2022, "Composable diffusion", eq. 12).

    All rows go through one batched call; prompts of different length need one call per length, as in A1111. An
    instruct checkpoint is also guided from "no picture" to the picture (Brooks et al. 2023, eq. 3).
    """
    asked = [part.conditioning for part in state.prompt] + ([state.uncond] if state.uncond else [])
    instruct = family.card.input_kind == "instruct" and state.uncond is not None
    if instruct:
        asked.append(_without_picture(asked[-1]))
    answers = _answers(family, state, asked, stack)
    if state.uncond is None:
        return Prediction(answers[0])
    uncond_x0 = answers[len(state.prompt)]
    x0 = guide(answers[-1], uncond_x0, state.request.image_cfg_scale) if instruct else uncond_x0
    for part, cond_x0 in zip(state.prompt, answers, strict=False):
        x0 = x0 + guide(uncond_x0, cond_x0, state.request.cfg_scale * part.weight) - uncond_x0
    return Prediction(x0, uncond_x0)


def _without_picture(conditioning: Conditioning) -> Conditioning:
    assert conditioning.concat is not None
    return replace(conditioning, concat=torch.zeros_like(conditioning.concat))


def _answers(family: Family, state: StepState, asked: Sequence[Conditioning], stack: Stacker) -> list[Tensor]:
    """The network's x0 (batch, c, h, w) for each conditioning, in order."""
    by_length: dict[int, list[int]] = {}
    for index, conditioning in enumerate(asked):
        by_length.setdefault(conditioning.embeddings.shape[1], []).append(index)
    answers: dict[int, Tensor] = {}
    for indices in by_length.values():
        rows = stack([asked[index] for index in indices], len(state.x))
        x0 = family.denoise(torch.cat([state.x] * len(indices)), state.sigma, rows)
        answers |= dict(zip(indices, x0.chunk(len(indices)), strict=True))
    return [answers[index] for index in range(len(asked))]


def _stack(rows: Sequence[Conditioning], batch: int) -> Conditioning:
    """Each row for every picture of the batch."""
    return Conditioning(
        torch.cat([_for_batch(row.embeddings, batch) for row in rows]),
        _joined([_for_batch(row.pooled, batch) for row in rows if row.pooled is not None]),
        _joined([_for_batch(row.concat, batch) for row in rows if row.concat is not None]),
    )


def _for_batch(tensor: Tensor, batch: int) -> Tensor:
    return tensor.expand(batch, *tensor.shape[1:])


def _joined(tensors: Sequence[Tensor]) -> Tensor | None:
    return torch.cat(list(tensors)) if tensors else None
