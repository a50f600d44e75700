"""Seeds make the same noise everywhere, whatever else is in the batch."""

from __future__ import annotations

import hashlib
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import torchsde
from torchsde._brownian import brownian_interval

from modules.sampling.noise import BrownianNoise, NoiseStream, PhiloxGenerator, Source, noise_function, turned
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import Sigmas

torch.set_num_threads(1)

LATENT = (4, 64, 64)
SIGMAS = Sigmas((14.614642143249512, 5.25, 1.5, 0.375, 0.029167519882321358, 0.0))
SOURCES = pytest.mark.parametrize("source", ["nv", "cpu"])


def start_of(noise: torch.Tensor, count: int) -> list[float]:
    return [float(value) for value in noise.flatten()[:count]]


def test_nv_draws_what_torch_draws_on_an_nvidia_gpu() -> None:
    stream = NoiseStream((42,), LATENT, "nv")
    assert start_of(stream.draw(), 3) == pytest.approx([0.194019, 2.161374, -0.172051], abs=1e-6)
    assert start_of(stream.draw(), 3) == pytest.approx([0.139137, -0.108216, -0.717422], abs=1e-6)


def test_nv_seed_0_is_another_picture() -> None:
    stream = NoiseStream((0,), LATENT, "nv")
    assert start_of(stream.draw(), 4) == pytest.approx([-0.924662, -0.425344, -2.643846, 0.145184], abs=1e-6)


def test_cpu_draws_what_torch_draws_on_a_cpu() -> None:
    stream = NoiseStream((42,), LATENT, "cpu")
    first = stream.draw()
    assert start_of(first, 5) == pytest.approx([1.926915, 1.487284, 0.900717, -2.105521, 0.678418], abs=1e-6)
    assert hashlib.sha256(first.numpy().tobytes()).hexdigest()[:12] == "e97f3de04c7c"
    assert start_of(stream.draw(), 3) == pytest.approx([-1.304659, 1.450703, 0.244280], abs=1e-6)


def test_a_seed_beyond_32_bits_counts_in_full() -> None:
    assert not np.array_equal(PhiloxGenerator(7).normals(8), PhiloxGenerator(7 + 2**32).normals(8))


def test_nv_noise_is_standard_normal() -> None:
    values = PhiloxGenerator(3).normals(200_000)
    assert float(values.mean()) == pytest.approx(0, abs=0.01)
    assert float(values.std()) == pytest.approx(1, abs=0.01)
    assert float((values > 1.0).mean()) == pytest.approx(0.1587, abs=0.003)


@SOURCES
def test_a_picture_is_the_same_alone_and_in_a_batch(source: Source) -> None:
    alone, batch = NoiseStream((43,), LATENT, source), NoiseStream((42, 43, 44), LATENT, source)
    for _ in range(2):
        assert torch.equal(alone.draw()[0], batch.draw()[1])


@SOURCES
def test_neighbouring_seeds_and_later_draws_are_different_noise(source: Source) -> None:
    stream = NoiseStream((42, 43), LATENT, source)
    first, second = stream.draw(), stream.draw()
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], second[0])


@SOURCES
def test_noise_is_single_precision_in_the_shape_of_the_latents(source: Source) -> None:
    noise = NoiseStream((1, 2, 3), (4, 8, 6), source).draw()
    assert (noise.dtype, noise.shape) == (torch.float32, (3, 4, 8, 6))


def test_ancestral_noise_is_the_next_draw_of_the_same_generators() -> None:
    stream, again = NoiseStream((42,), LATENT, "nv"), NoiseStream((42,), LATENT, "nv")
    stream.draw(), again.draw()
    assert torch.equal(noise_function(SAMPLERS["Euler a"], stream, SIGMAS)(14.6, 5.0), again.draw())


def increments(source: Source, *seeds: int) -> list[torch.Tensor]:
    noise = BrownianNoise(NoiseStream(seeds, (1, 4, 4), source), SIGMAS)
    levels = list(SIGMAS)[:-1]
    return [noise(a, b) for a, b in pairwise(levels)]


def torchsde_increments(seed: int) -> list[torch.Tensor]:
    """As k-diffusion's BrownianTreeNoiseSampler asks torchsde."""
    levels = torch.tensor(list(SIGMAS)[:-1])
    tree = torchsde.BrownianTree(levels[-1], torch.zeros(1, 4, 4), levels[0], entropy=seed)
    return [-tree(b, a) / (a - b).sqrt() for a, b in pairwise(levels)]


@pytest.mark.filterwarnings("ignore:Should have t")
def test_cpu_brownian_noise_is_torchsde_s_tree() -> None:
    for ours, theirs in zip(increments("cpu", 42), torchsde_increments(42), strict=True):
        assert torch.allclose(ours[0], theirs, atol=2e-6)
        assert not torch.allclose(ours[0], -theirs, atol=0.1)


@pytest.mark.filterwarnings("ignore:Should have t")
def test_nv_brownian_noise_is_the_same_tree_fed_with_nv_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def nv(size: tuple[int, ...], dtype: torch.dtype, device: object, seed: int) -> torch.Tensor:
        return torch.from_numpy(PhiloxGenerator(int(seed)).normals(math.prod(size))).reshape(size)

    monkeypatch.setattr(brownian_interval, "_randn", nv)  # as A1111 does
    for ours, theirs in zip(increments("nv", 42), torchsde_increments(42), strict=True):
        assert torch.allclose(ours[0], theirs, atol=2e-6)


@SOURCES
def test_a_brownian_path_does_not_depend_on_its_neighbours(source: Source) -> None:
    for alone, batch in zip(increments(source, 43), increments(source, 42, 43), strict=True):
        assert torch.equal(alone[0], batch[1])


def test_brownian_increments_add_up() -> None:
    noise = BrownianNoise(NoiseStream((42,), (1, 4, 4), "nv"), SIGMAS)
    whole = noise(5.25, 0.375) * math.sqrt(5.25 - 0.375)
    parts = noise(5.25, 1.5) * math.sqrt(5.25 - 1.5) + noise(1.5, 0.375) * math.sqrt(1.5 - 0.375)
    assert torch.allclose(whole, parts, atol=1e-6)


def test_brownian_increments_have_variance_one_and_do_not_follow_from_each_other() -> None:
    noise = BrownianNoise(NoiseStream((5,), (4, 64, 64), "cpu"), SIGMAS)
    first, second = noise(14.614642143249512, 5.25), noise(5.25, 1.5)
    assert float(first.std()) == pytest.approx(1, abs=0.03)
    assert float(second.std()) == pytest.approx(1, abs=0.03)
    assert float((first * second).mean()) == pytest.approx(0, abs=0.03)


def test_turned_noise_is_a1111s_variation() -> None:
    """Golden of a1111-compat.md: torch's CPU generator, seed 42, variation seed 7, strength 0.3, 4x64x64."""
    noise, other = (NoiseStream([seed], (4, 64, 64), "cpu").draw() for seed in (42, 7))
    golden = [1.371899, 1.599631, 1.152556]
    assert turned(noise, other, 0.3).flatten()[:3].tolist() == pytest.approx(golden, abs=2e-6)
    assert turned(noise, other, 0.4).flatten()[:3].tolist() != pytest.approx(golden, abs=2e-3)


def test_noise_is_not_turned_at_strength_0_and_is_the_other_at_1() -> None:
    noise, other = (NoiseStream([seed], (4, 8, 8), "nv").draw() for seed in (1, 2))
    assert turned(noise, other, 0).numpy() == pytest.approx(noise.numpy(), abs=1e-6)
    assert turned(noise, other, 1).numpy() == pytest.approx(other.numpy(), abs=1e-5)
