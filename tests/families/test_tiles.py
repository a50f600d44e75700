"""Pictures through the VAE in tiles, and pictures one after the other, where memory is short."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from modules.core.family import Conditioning
from modules.families.unet import vae as vae_module
from modules.families.unet.family import UnetFamily
from modules.families.unet.tiles import starts, tiled
from modules.families.unet.vae import Vae
from tests.checkpoints import tiny_vae

torch.set_num_threads(1)
NO_MEMORY = RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")


def larger(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=4, mode="nearest")


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(1, 4, 40, 23), (2, 3, 16, 16), (1, 1, 17, 90), (1, 1, 5, 5)])
def test_what_depends_on_one_cell_alone_is_the_same_in_tiles(shape: tuple[int, ...]) -> None:
    x = noise(*shape)
    torch.testing.assert_close(tiled(larger, x, 16, 4), larger(x))


def test_tiles_can_also_make_smaller() -> None:
    x = noise(1, 3, 96, 64)
    torch.testing.assert_close(tiled(lambda piece: avg_pool2d(piece, 8), x, 32, 8), avg_pool2d(x, 8))


@pytest.mark.parametrize("length", [1, 15, 16, 17, 40, 100])
def test_tiles_cover_everything_and_overlap(length: int) -> None:
    begins = starts(length, 16, 4)
    covered = {cell for begin in begins for cell in range(begin, begin + 16)}
    assert covered >= set(range(length))
    assert all(second - first <= 12 for first, second in itertools.pairwise(begins))
    assert begins[-1] == max(0, length - 16)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vae_module, "TILE", 64)


def a_vae(free: int | None) -> Vae:
    torch.manual_seed(0)
    return Vae(tiny_vae().eval().requires_grad_(False), 0.5, lambda: free)


@pytest.mark.usefixtures("small_tiles")
def test_a_picture_that_does_not_fit_goes_through_in_tiles_and_stays_nearly_the_same() -> None:
    whole, pieces = a_vae(None), a_vae(100_000)
    latents = noise(1, 4, 32, 40)
    a, b = whole.decode(latents), pieces.decode(latents)
    assert (whole.tile, pieces.tile) == (0, 64)
    assert not torch.equal(a, b)
    assert float((a - b).norm() / a.norm()) < 0.1  # norms see a tile instead of the picture
    pixels = torch.rand(1, 3, 160, 128, generator=torch.Generator().manual_seed(1))
    c, d = whole.encode(pixels), pieces.encode(pixels)
    assert c.shape == d.shape
    assert float((c - d).norm() / c.norm()) < 0.15


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize(("given_back", "tile"), [(10**12, 0), (100_000, 64)])
def test_what_the_steps_have_left_in_the_heap_is_counted_before_a_picture_is_cut_into_tiles(
    given_back: int, tile: int
) -> None:
    vae = a_vae(100_000)
    vae._free = iter([100_000, given_back]).__next__
    vae.decode(noise(1, 4, 32, 40))
    assert vae.tile == tile


@pytest.mark.usefixtures("small_tiles")
def test_where_memory_runs_out_the_vae_tries_once_more_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    vae = a_vae(None)
    decode = vae.network.decode

    def hungry(latents: Tensor) -> Any:
        if latents.shape[-1] > 16:
            raise NO_MEMORY
        return decode(latents)

    monkeypatch.setattr(vae.network, "decode", hungry)
    assert vae.decode(noise(1, 4, 32, 40)).shape == (1, 3, 128, 160)
    assert vae.tile == 64


def test_another_error_of_the_vae_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    vae = a_vae(None)
    tries = []

    def broken(latents: Tensor) -> Any:
        tries.append(1)
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(vae.network, "decode", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        vae.decode(noise(1, 4, 256, 256))
    assert len(tries) == 1


def test_where_memory_runs_out_pictures_are_denoised_one_after_the_other(
    tiny: UnetFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = torch.cat([tiny.encode_prompt(text, 1).embeddings for text in ("a cat", "")])
    x = noise(2, 4, 16, 16)
    expected = tiny.denoise(x, 2.0, Conditioning(words))
    forward, rows = tiny.unet.forward, []

    def hungry(seen: Tensor, *others: Any, **more: Any) -> Any:
        rows.append(len(seen))
        if len(seen) > 1:
            raise NO_MEMORY
        return forward(seen, *others, **more)

    monkeypatch.setattr(tiny.unet, "forward", hungry)
    monkeypatch.setattr(tiny, "_one_by_one", False)
    for _ in range(2):
        torch.testing.assert_close(tiny.denoise(x, 2.0, Conditioning(words)), expected, atol=1e-3, rtol=0)
    assert rows == [2, 1, 1, 1, 1]
    assert tiny.facts["Denoised"] == "one by one"
