from __future__ import annotations

from pathlib import Path

import pytest
import torch

from modules.families.unet.family import UnetFamily
from modules.preview.base import PREVIEWS, Places
from modules.preview.fit import mixed_noise
from modules.preview.linear import ENOUGH, Linear, first_fit
from tests.checkpoints import load_family, tiny_checkpoint


@pytest.fixture
def linear(cache: Path) -> Linear:
    return Linear(Places(cache, ()))


def test_a_picture_has_one_pixel_for_each_cell(linear: Linear, tiny: UnetFamily) -> None:
    pixels = linear.pixels(tiny, torch.randn(2, 4, 9, 5))
    assert pixels.shape == (2, 3, 9, 5)
    assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1


def test_the_first_fit_explains_decodes_of_unseen_noise(tiny: UnetFamily) -> None:
    """A VAE of random weights is far from linear; the starter's own test wants 0.8."""
    unseen = mixed_noise(8, 4, 16, torch.Generator().manual_seed(99))
    assert first_fit(tiny).r2(unseen, tiny.decode(unseen)) > 0.2
    assert first_fit(tiny).r2(unseen, 1 - tiny.decode(unseen)) < 0


def test_the_fit_belongs_to_its_vae(linear: Linear, tiny: UnetFamily, tmp_path: Path) -> None:
    other = load_family(tiny_checkpoint(tmp_path / "other.safetensors", seed=1))
    ours = linear.fit_for(tiny)
    assert not torch.equal(linear.fit_for(other).solution(), ours.solution())
    assert torch.equal(linear.fit_for(tiny).solution(), ours.solution())


def test_a_fit_is_kept_on_disk(linear: Linear, tiny: UnetFamily, cache: Path) -> None:
    linear.learn(tiny, torch.randn(1, 4, 16, 16))
    (file,) = (cache / "linear-preview").iterdir()
    assert file.stem == tiny.vae_key
    assert Linear(Places(cache, ())).fit_for(tiny).pictures == 1


def test_learning_makes_the_map_better_for_such_pictures(linear: Linear, tiny: UnetFamily) -> None:
    def bright(seed: int) -> torch.Tensor:
        return mixed_noise(1, 4, 16, torch.Generator().manual_seed(seed)) * 0.2 + 1.5

    before = linear.fit_for(tiny).r2(bright(50), tiny.decode(bright(50)))
    for seed in range(12):
        linear.learn(tiny, bright(seed))
    assert linear.fit_for(tiny).r2(bright(50), tiny.decode(bright(50))) > before + 0.05


def test_learning_reports_the_quality_it_found(linear: Linear, tiny: UnetFamily) -> None:
    latents = mixed_noise(1, 4, 16, torch.Generator().manual_seed(7))
    expected = linear.fit_for(tiny).r2(latents, tiny.decode(latents))
    assert linear.learn(tiny, latents) == pytest.approx(expected)


def test_learning_ends(linear: Linear, tiny: UnetFamily) -> None:
    latents = torch.randn(1, 4, 4, 4)
    results = [linear.learn(tiny, latents) for _ in range(ENOUGH + 1)]
    assert results[-1] is None
    assert None not in results[:-1]


def test_a_fit_that_cannot_be_saved_costs_no_preview(linear: Linear, tiny: UnetFamily, cache: Path) -> None:
    (cache / "linear-preview" / f"{tiny.vae_key}.safetensors").mkdir(parents=True)
    assert linear.pixels(tiny, torch.randn(1, 4, 4, 4)).shape == (1, 3, 4, 4)


def test_it_is_in_the_registry_beside_the_others() -> None:
    assert set(PREVIEWS) == {"full", "linear", "taesd"}
