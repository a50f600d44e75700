"""Inversion against what it must undo: one DDIM step with the same raw network output."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from modules.core.moments import Prediction
from modules.sampling.inversion import PredictionType, inverted
from modules.sampling.samplers import SAMPLERS, Denoise
from modules.sampling.schedules import Sigmas

SIGMAS = Sigmas((14.6, 6.0, 2.5, 0.7, 0.1, 0.0))


def frozen(kind: PredictionType, outputs: dict[float, Tensor]) -> Denoise:
    """A network whose raw output depends on the level alone."""

    def denoise(x: Tensor, sigma: float) -> Prediction:
        output = outputs[sigma]
        if kind == "epsilon":
            return Prediction(x - sigma * output)
        return Prediction(x / (1 + sigma**2) - output * sigma / math.hypot(1, sigma))

    return denoise


def round_trip(there: PredictionType, back: PredictionType) -> float:
    """The largest error of inverting and sampling again, in double precision."""
    generator = torch.Generator().manual_seed(0)
    outputs = {sigma: torch.randn(1, 4, 3, 3, generator=generator, dtype=torch.float64) for sigma in SIGMAS}
    start = torch.randn(1, 4, 3, 3, generator=generator, dtype=torch.float64)
    *_, top = inverted(frozen(there, outputs), start, SIGMAS.values, there)
    run = SAMPLERS["DDIM"].run(frozen(back, outputs), top.x, SIGMAS, lambda a, b: start)
    *_, end = run
    return float((end.x - start).abs().max())


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_a_frozen_network_brings_every_picture_back(kind: PredictionType) -> None:
    assert round_trip(kind, kind) < 1e-10


def test_the_two_kinds_of_networks_are_not_inverted_alike() -> None:
    assert round_trip("epsilon", "v_prediction") > 0.1


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_the_network_sees_the_cleaner_latents_with_the_noisier_time(kind: PredictionType) -> None:
    seen: list[tuple[Tensor, float]] = []
    outputs = {sigma: torch.zeros(1, 1, 2, 2) for sigma in SIGMAS}

    def watched(x: Tensor, sigma: float) -> Prediction:
        seen.append((x / math.hypot(1, sigma), sigma))
        return frozen(kind, outputs)(x, sigma)

    start = torch.randn(1, 1, 2, 2)
    list(inverted(watched, start, SIGMAS.values, kind))
    assert [sigma for _, sigma in seen] == [0.1, 0.7, 2.5, 6.0, 14.6]
    assert torch.allclose(seen[0][0], start)
