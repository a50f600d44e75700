from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from modules.preview.fit import empty_fit, mean_colours, mixed_noise, neighbourhoods, packed, unpacked


def linear_vae(latents: Tensor) -> Tensor:
    """A decoder that a 3x3 map can imitate exactly: blur, mix channels, enlarge."""
    torch_generator = torch.Generator().manual_seed(5)
    weight = torch.randn(3, 4, 3, 3, generator=torch_generator) * 0.02
    padded = torch.nn.functional.pad(latents, (1, 1, 1, 1), mode="replicate")
    colours = torch.nn.functional.conv2d(padded, weight) + 0.5
    return colours.repeat_interleave(4, 2).repeat_interleave(4, 3)


def noise(seed: int, batch: int = 4) -> Tensor:
    return mixed_noise(batch, 4, 16, torch.Generator().manual_seed(seed))


def test_a_linear_decoder_is_imitated_exactly() -> None:
    fit = empty_fit(4).learned(noise(0), linear_vae(noise(0)), 1024)
    unseen = noise(1)
    assert fit.r2(unseen, linear_vae(unseen)) > 0.999
    expected = mean_colours(unseen, linear_vae(unseen)).view(4, 16, 16, 3).permute(0, 3, 1, 2)
    torch.testing.assert_close(fit.pixels(unseen), expected.float(), atol=5e-3, rtol=0)


def test_one_by_one_would_not_be_enough() -> None:
    """The twin: without its neighbours a cell does not know its colour here."""
    latents = noise(0)
    flat = latents.mean((2, 3), keepdim=True).expand_as(latents)
    fit = empty_fit(4).learned(flat, linear_vae(latents), 1024)
    assert fit.r2(latents, linear_vae(latents)) < 0.5


def test_a_wrong_map_explains_nothing() -> None:
    fit = empty_fit(4).learned(noise(0), linear_vae(noise(0)), 1024)
    assert fit.r2(noise(1), 1 - linear_vae(noise(1))) < 0


def test_what_is_learned_later_counts_by_its_weight() -> None:
    old, new = noise(0), noise(2, batch=1)
    first = empty_fit(4).learned(old, linear_vae(old), 1024)
    light, heavy = (first.learned(new, 1 - linear_vae(new), weight) for weight in (1.0, 1e6))
    assert light.r2(old, linear_vae(old)) > 0.99 > heavy.r2(old, linear_vae(old))


def test_a_constant_channel_leaves_the_equations_solvable() -> None:
    latents = noise(0)
    latents[:, 0] = 0
    assert empty_fit(4).learned(latents, linear_vae(latents), 1024).solution().isfinite().all()


def test_the_mixed_noise_has_unit_variance_and_structure_at_large_scale() -> None:
    mixed = noise(0, batch=64)
    assert float(mixed.std()) == pytest.approx(1, abs=0.05)
    blocks = torch.nn.functional.avg_pool2d(mixed, 8).std()
    assert blocks > 3 * torch.nn.functional.avg_pool2d(torch.randn_like(mixed), 8).std()


def test_neighbourhoods_are_nine_cells_and_a_one() -> None:
    rows = neighbourhoods(torch.arange(6.0).view(1, 1, 2, 3))
    assert rows.shape == (6, 10)
    assert rows[0].tolist() == [0, 0, 1, 0, 0, 1, 3, 3, 4, 1]


def test_a_packed_fit_comes_back_the_same(tmp_path: Path) -> None:
    fit = empty_fit(4).learned(noise(0), linear_vae(noise(0)), 1024, pictures=3)
    (tmp_path / "a.safetensors").write_bytes(packed(fit))
    back = unpacked(tmp_path / "a.safetensors")
    assert back is not None
    assert torch.equal(back.solution(), fit.solution())
    assert back.pictures == 3


@pytest.mark.parametrize("content", [b"", b"\0" * 100])
def test_a_damaged_fit_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    assert unpacked(tmp_path / "a.safetensors") is None
