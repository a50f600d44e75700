"""How near a made picture is to the training set."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from modules.training.copies import Library, build_library, copied, load_library, save_library


@pytest.fixture(scope="module")
def latents() -> torch.Tensor:
    return torch.randn(80, 4, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def library(latents: torch.Tensor) -> Library:
    return build_library(latents)


def test_a_training_picture_is_nearest_to_itself(library: Library, latents: torch.Tensor) -> None:
    distances, which = library.nearest(latents[10:20])
    assert which.tolist() == list(range(10, 20))
    assert distances.max() < 1


def test_another_picture_is_farther_away(library: Library, latents: torch.Tensor) -> None:
    other = torch.randn(10, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    assert library.nearest(other)[0].min() > library.nearest(latents)[0].max()


def test_copies_are_those_nearer_than_99_of_100_real_ones() -> None:
    real = torch.arange(100, 200).float()
    hits, threshold = copied(torch.tensor([0.0, 100.5, 101.5, 300.0]), real)
    assert threshold == pytest.approx(100.99, abs=0.01)
    assert hits.tolist() == [True, True, False, False]


def test_written_and_read_it_finds_the_same(library: Library, latents: torch.Tensor, tmp_path: Path) -> None:
    save_library(library, tmp_path / "features.npz")
    assert torch.equal(load_library(tmp_path / "features.npz").nearest(latents)[1], library.nearest(latents)[1])
