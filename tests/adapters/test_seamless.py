"""Tiling: opposite edges fit, and afterwards the model is as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modules.core.events import Stepped
from tests.engine.conftest import REQUEST, Studio, engine_models, manager_of, studio

__all__ = ["engine_models", "manager_of", "studio"]


def shifted(latent_columns: int, picture: np.ndarray) -> np.ndarray:
    return np.roll(picture, latent_columns * 4, axis=1)


def test_a_shifted_latent_makes_the_shifted_picture_only_when_tiling(studio: Studio) -> None:
    import torch

    from modules.adapters import seamless

    family = studio.family()
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))

    def decoded(x: torch.Tensor) -> np.ndarray:
        return np.asarray(family.decode(x)[0].permute(1, 2, 0))

    plain = np.abs(shifted(3, decoded(latent)) - decoded(latent.roll(3, -1))).max()
    with seamless.applied(family):
        tiled = np.abs(shifted(3, decoded(latent)) - decoded(latent.roll(3, -1))).max()
    assert tiled < 1e-4 < plain


def test_after_a_tiled_job_or_a_closed_one_pictures_are_as_before(studio: Studio) -> None:
    before = studio.pictures()[0]
    tiled = studio.pictures(tiling=True)[0]
    events = studio.engine.generate("job", replace(REQUEST, tiling=True), {})
    next(event for event in events if isinstance(event, Stepped))
    events.close()  # type: ignore[attr-defined]
    assert not np.array_equal(before, tiled)
    assert np.array_equal(before, studio.pictures()[0])
