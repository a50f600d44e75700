"""Classifier-free guidance: how the answers to the prompt and to the negative prompt become one prediction."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from modules.core.family import Conditioning, Family
from modules.core.moments import Prediction, StepState


def guide(uncond: Tensor, cond: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022, eq. 6), here on x0."""
    return uncond + scale * (cond - uncond)


def needs_uncond(cfg_scale: float, weights: Sequence[float]) -> bool:
    """Whether the negative prompt has any effect: not for one unweighted prompt at scale 1."""
    return cfg_scale != 1 or tuple(weights) != (1.0,)


def predict(family: Family, state: StepState) -> Prediction:
    """Ask the network about state.x; parts joined by AND add up (Liu et al. 2022, "Composable diffusion", eq. 12).

    All rows go through one batched call; prompts of different length need one call per length, as in A1111.
    """
    asked = [part.conditioning for part in state.prompt] + ([state.uncond] if state.uncond else [])
    answers = _answers(family, state.x, state.sigma, asked)
    if state.uncond is None:
        return Prediction(answers[0])
    uncond_x0 = answers[-1]
    x0 = uncond_x0
    for part, cond_x0 in zip(state.prompt, answers[:-1], strict=True):
        x0 = x0 + guide(uncond_x0, cond_x0, state.request.cfg_scale * part.weight) - uncond_x0
    return Prediction(x0, uncond_x0)


def _answers(family: Family, x: Tensor, sigma: float, asked: Sequence[Conditioning]) -> list[Tensor]:
    """The network's x0 (batch, c, h, w) for each conditioning, in order."""
    by_length: dict[int, list[int]] = {}
    for index, conditioning in enumerate(asked):
        by_length.setdefault(conditioning.embeddings.shape[1], []).append(index)
    answers: dict[int, Tensor] = {}
    for indices in by_length.values():
        rows = [_for_batch(asked[index], len(x)) for index in indices]
        x0 = family.denoise(torch.cat([x] * len(rows)), sigma, _stack(rows))
        answers |= dict(zip(indices, x0.chunk(len(rows)), strict=True))
    return [answers[index] for index in range(len(asked))]


def _for_batch(conditioning: Conditioning, batch: int) -> Conditioning:
    """The same prompt for every picture of the batch."""
    pooled = conditioning.pooled
    return Conditioning(
        conditioning.embeddings.expand(batch, -1, -1), None if pooled is None else pooled.expand(batch, -1)
    )


def _stack(rows: Sequence[Conditioning]) -> Conditioning:
    pooled = [row.pooled for row in rows if row.pooled is not None]
    return Conditioning(torch.cat([row.embeddings for row in rows]), torch.cat(pooled) if pooled else None)
