"""Schedules: which noise levels a sampler visits, computed from the levels the network was trained on as A1111 does.

Each gives `steps` falling levels above 0; the network is asked at each of them, and the picture ends at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modules.core.family import NoiseLevels
from modules.core.registry import Registry

if TYPE_CHECKING:
    from modules.sampling.samplers import Sampler


def diffusion(sigma: float) -> float:
    """x = x0 + sigma * noise."""
    return 1.0


def flow(sigma: float) -> float:
    """x = (1 - sigma) * x0 + sigma * noise (rectified flow, Liu et al. 2022)."""
    return 1.0 - sigma


@dataclass(frozen=True)
class Sigmas:
    """Falling noise levels, the last one 0, and how much of the picture is left at each: x = alpha x0 + sigma noise."""

    values: tuple[float, ...]
    alpha: Callable[[float], float] = diffusion

    def __iter__(self) -> Iterator[float]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> float:
        return self.values[index]


Schedule = Callable[[int, NoiseLevels], tuple[float, ...]]
"""schedule(steps, levels): `steps` falling sigmas, without the final 0."""

SCHEDULES: Registry[Schedule] = Registry("schedule")


def sigmas_for(sampler: Sampler, schedule: str, steps: int, levels: NoiseLevels) -> Sigmas:
    """The steps + 1 noise levels of a run. Raises UnknownName for an unknown schedule."""
    name = SCHEDULES.canonical(schedule)
    chosen = SCHEDULES[sampler.default_schedule if name == "automatic" else name]
    return Sigmas((*chosen(steps, levels), 0.0))


def _falling(steps: int) -> list[float]:
    """1 ... 0 in equal parts."""
    return [1 - i / max(steps - 1, 1) for i in range(steps)]


@SCHEDULES.register("automatic")
def automatic(steps: int, levels: NoiseLevels) -> tuple[float, ...]:
    """The sampler's own: `sigmas_for` puts it here. Asked by itself it is `uniform`, as A1111's."""
    return uniform(steps, levels)


@SCHEDULES.register("uniform")
def uniform(steps: int, levels: NoiseLevels) -> tuple[float, ...]:
    """Equal parts of the training's timesteps, log sigma interpolated between them (k-diffusion's `get_sigmas`)."""
    last = len(levels.sigmas) - 1
    return tuple(_between(levels, part * last) for part in _falling(steps))


def _between(levels: NoiseLevels, timestep: float) -> float:
    low, part = int(timestep), timestep % 1
    high = min(low + 1, len(levels.sigmas) - 1)
    return math.exp((1 - part) * math.log(levels.sigmas[low]) + part * math.log(levels.sigmas[high]))


@SCHEDULES.register("sgm_uniform")
def sgm_uniform(steps: int, levels: NoiseLevels) -> tuple[float, ...]:
    """Equal parts of the timesteps down to 0, which is left out ("trailing"; Lin et al. 2024, "Common Diffusion Noise
    Schedules", table 2): the few steps of a distilled network stay where it was trained."""
    last = len(levels.sigmas) - 1
    return tuple(_between(levels, (1 - i / steps) * last) for i in range(steps))


@SCHEDULES.register("karras")
def karras(steps: int, levels: NoiseLevels) -> tuple[float, ...]:
    """Equal parts of sigma^(1/7): dense where the details are (Karras et al. 2022, eq. 5 with rho 7)."""
    rho = 7.0
    low, high = levels.sigma_min ** (1 / rho), levels.sigma_max ** (1 / rho)
    return tuple((low + part * (high - low)) ** rho for part in _falling(steps))


@SCHEDULES.register("exponential")
def exponential(steps: int, levels: NoiseLevels) -> tuple[float, ...]:
    """Equal parts of log sigma."""
    low, high = math.log(levels.sigma_min), math.log(levels.sigma_max)
    return tuple(math.exp(low + part * (high - low)) for part in _falling(steps))


@SCHEDULES.register("simple")
def simple(steps: int, levels: NoiseLevels) -> tuple[float, ...]:
    """Every n-th of the training's levels, counted from the noisiest."""
    stride = len(levels.sigmas) / steps
    return tuple(levels.sigmas[-1 - int(i * stride)] for i in range(steps))


@SCHEDULES.register("ddim")
def ddim(steps: int, levels: NoiseLevels) -> tuple[float, ...]:
    """The training's timesteps 1 + floor(i * T / steps) (Song, Meng and Ermon 2021, appendix D.3, "linear").

    The timesteps of A1111's DDIM wherever steps divides T. It asks at 1, 1 + n, 1 + 2n ... with n = T // steps, all but
    the last one, whose noise stays in the picture: 19 calls for 20 steps, 30 for 30, 166 for 150. Here it is always the
    number asked for, and the picture ends at 0; on a mixture of Gaussians the two agree to 0.005 of its deviation.
    """
    total = len(levels.sigmas)
    return tuple(levels.sigmas[1 + i * total // steps] for i in reversed(range(steps)))
