"""Noise levels that fall by the same factor."""

from modules.hooks import NoiseLevels, hookimpl


def steady(steps: int, levels: NoiseLevels) -> tuple[float, ...]:
    factor = (levels.sigma_min / levels.sigma_max) ** (1 / max(steps - 1, 1))
    return tuple(levels.sigma_max * factor**step for step in range(steps))


@hookimpl
def schedules() -> dict[str, object]:
    return {"steady": steady}
