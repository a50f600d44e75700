"""Crops of photographs for the autoencoder."""

from __future__ import annotations

import numpy as np
import torch

from modules.training.photos import HELD_OUT, TRAINING, centre_crops, crop

PHOTO = torch.rand(3, 70, 90, generator=torch.Generator().manual_seed(0))


def test_a_crop_is_a_picture_of_its_own_seed() -> None:
    first, again, other = (crop(PHOTO, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first.shape == (3, 64, 64)
    assert first.min() >= 0 and first.max() <= 1
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_measured_photographs_are_not_trained_on() -> None:
    assert not set(HELD_OUT) & set(TRAINING)
    assert centre_crops([PHOTO]).shape == (6, 3, 64, 64)
