"""Seeds -> noise. Every picture has its own generator, so it does not depend on its neighbours in a batch.

Two sources: "nv", the numbers torch draws on an NVIDIA GPU, computed anywhere (A1111's pictures need them), and "cpu",
torch's own generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from modules.sampling.samplers import Noise, Sampler
    from modules.sampling.schedules import Sigmas

Source = Literal["nv", "cpu"]


class Generator(Protocol):
    """An endless row of standard normal numbers."""

    def normals(self, count: int) -> NDArray[np.float32]: ...


class PhiloxGenerator:
    """torch.randn on an NVIDIA GPU: Philox 4x32-10 (Salmon et al. 2011) and the sine branch of Box and Muller (1958).

    Number i of draw d comes from the counter (d, 0, i, 0); the key is the seed, 0 to 2**64 - 1. As A1111's "NV" it
    computes in double precision, with two constants rounded to single.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._draws = 0

    def normals(self, count: int) -> NDArray[np.float32]:
        radius, angle = philox(self._seed, self._draws, count)
        self._draws += 1
        unit = 2.0**-32
        turn = float(np.float32(2 * math.pi * unit))
        normal = np.sqrt(-2 * np.log(radius * unit + unit / 2)) * np.sin(angle * turn + turn / 2)
        return np.asarray(normal, np.float32)


def philox(seed: int, draw: int, count: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The first two 32-bit words of Philox 4x32-10 for the counters (draw, 0, 0..count-1, 0)."""
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    zeros = np.zeros(count, np.uint64)
    a, b, c, d = zeros + np.uint64(draw), zeros, np.arange(count, dtype=np.uint64), zeros
    key_a, key_b = np.uint64(seed) & low, np.uint64(seed) >> half
    for _ in range(10):
        left, right = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)  # 32 x 32 -> 64 bits
        a, b, c, d = (right >> half) ^ b ^ key_a, right & low, (left >> half) ^ d ^ key_b, left & low
        key_a, key_b = (key_a + np.uint64(0x9E3779B9)) & low, (key_b + np.uint64(0xBB67AE85)) & low
    return a, b


class TorchGenerator:
    """torch.randn on a CPU: the same on every CPU and for any number of threads."""

    def __init__(self, seed: int) -> None:
        import torch

        self._generator = torch.Generator().manual_seed(seed)

    def normals(self, count: int) -> NDArray[np.float32]:
        import torch

        return torch.randn(count, generator=self._generator).numpy()


def generator(source: Source, seed: int) -> Generator:
    return PhiloxGenerator(seed) if source == "nv" else TorchGenerator(seed)


class NoiseStream:
    """The noise of one batch: one generator a picture.

    seeds: one for each picture. shape: of one picture's latents, (channels, rows, columns). device: where the
    tensors go. The first draw is the noise a picture starts from, the next ones are the ancestral samplers'.
    """

    def __init__(self, seeds: Sequence[int], shape: tuple[int, ...], source: Source, device: str = "cpu") -> None:
        self.seeds = tuple(seeds)
        self.source = source
        self._shape = shape
        self._device = device
        self._generators = [generator(source, seed) for seed in seeds]

    def draw(self) -> Tensor:
        """(pictures, channels, rows, columns), fp32."""
        return self.tensor([each.normals(self.size) for each in self._generators])

    @property
    def size(self) -> int:
        """Numbers in one picture's latents."""
        return math.prod(self._shape)

    def tensor(self, rows: Sequence[NDArray[np.float32]]) -> Tensor:
        """One row of `size` numbers a picture -> the latents' shape, on the device."""
        import torch

        return torch.from_numpy(np.stack(rows)).reshape(len(self.seeds), *self._shape).to(self._device)


def turned(noise: Tensor, other: Tensor, strength: float) -> Tensor:
    """Spherical interpolation (Shoemake 1985) from noise (strength 0) to other (1), both (pictures, c, h, w).

    As in A1111 the angle is that of the columns of each channel; nearly parallel noise is mixed the other way round.
    """
    import torch

    unit, unit_other = (each / each.norm(dim=2, keepdim=True) for each in (noise, other))
    cosine = (unit * unit_other).sum(2, keepdim=True)
    if cosine.mean() > 0.9995:
        return noise * strength + other * (1 - strength)
    angle = torch.acos(cosine)
    sine = torch.sin(angle)
    return torch.sin((1 - strength) * angle) / sine * noise + torch.sin(strength * angle) / sine * other


class BrownianNoise:
    """Increments of one Brownian path per picture, scaled to variance 1: torchsde's BrownianTree, A1111's way.

    A path depends on the picture's seed and on the ends of sigmas only, so more steps or another sampler follow the
    same path. As in A1111 the tree draws its numbers from `source`, which torchsde itself cannot.
    """

    def __init__(self, stream: NoiseStream, sigmas: Sigmas) -> None:
        self._stream = stream
        self._ends = _rounded(min(sigma for sigma in sigmas if sigma > 0)), _rounded(max(sigmas))
        self._known: dict[float, list[NDArray[np.float64]]] = {}

    def __call__(self, sigma_from: float, sigma_to: float) -> Tensor:
        before, after = self._paths(sigma_from), self._paths(sigma_to)
        self._known = {sigma_to: after}  # the next interval begins where this one ends
        scale = 1 / math.sqrt(abs(sigma_to - sigma_from))
        return self._stream.tensor([(scale * (b - a)).astype(np.float32) for a, b in zip(before, after, strict=True)])

    def _paths(self, sigma: float) -> list[NDArray[np.float64]]:
        """Where each picture's path is at sigma."""
        if sigma in self._known:
            return self._known[sigma]
        return [self._path(seed, _rounded(sigma)) for seed in self._stream.seeds]

    def _path(self, seed: int, at: float) -> NDArray[np.float64]:
        path = np.zeros(self._stream.size)
        for node, weight in levy(seed, at, self._ends):
            path += weight * generator(self._stream.source, node).normals(self._stream.size)
        return path


def levy(seed: int, at: float, ends: tuple[float, float]) -> Iterator[tuple[int, float]]:
    """Lévy's construction of a Brownian path: W(at) = the sum of weight * normals(node) over these (node, weight).

    The path is drawn at its end first and then in the middle of ever smaller intervals; a middle moves all points
    between its neighbours, like a tent over its interval. The seeds of the nodes are torchsde's.
    """
    low, high = ends
    yield _node(seed), (at - low) / math.sqrt(high - low)
    place = depth = 0
    while low < at < high:
        middle = round((low + high) / 2, 6)
        tent = (at - low) / (middle - low) if at <= middle else (high - at) / (high - middle)
        yield _node(seed, (place, depth)), tent * math.sqrt((middle - low) * (high - middle) / (high - low))
        right = at >= middle
        low, high = (middle, high) if right else (low, middle)
        place, depth = 2 * place + right, depth + 1


def _node(seed: int, place: tuple[int, ...] = ()) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=place, pool_size=24).generate_state(1)[0])


def _rounded(sigma: float) -> float:
    """torchsde's trees end at a millionth; k-diffusion hands them single precision."""
    return round(float(np.float32(sigma)), 6)


def noise_function(sampler: Sampler, stream: NoiseStream, sigmas: Sigmas) -> Noise:
    """What a sampler asks for the noise of an interval. Take the stream's first draw before using it."""
    if sampler.noise == "brownian":
        return BrownianNoise(stream, sigmas)
    return lambda sigma_from, sigma_to: stream.draw()
