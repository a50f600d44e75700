"""Which of several graphics cards a worker process computes on. Each process sees one only: all its code may say "the
card"."""

from __future__ import annotations

from collections.abc import Generator, MutableMapping

from modules.core.errors import BadSetting
from modules.core.events import Event, Failed
from modules.core.task import Task

NVIDIA, AMD, INTEL = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"
NO_CARD = "-1"


def see_only(number: int, environ: MutableMapping[str, str]) -> None:
    """Hide all cards but one from this process, before torch is imported. number: of those visible now, from 0."""
    chosen = [name for name in (NVIDIA, AMD, INTEL) if environ.get(name)]
    for name in chosen:
        visible = environ[name].split(",")
        environ[name] = visible[number].strip() if number < len(visible) else NO_CARD
    if not chosen:
        environ.update({NVIDIA: str(number), INTEL: str(number)})


def has_card() -> bool:
    """Whether this process sees a card that can be told from others."""
    import torch

    return torch.cuda.is_available() or torch.xpu.is_available()


class Missing:
    """Stands where a worker would, if its card is not there: every task fails with the reason."""

    def __init__(self, number: int) -> None:
        self._number = number

    def run(self, task: Task) -> Generator[Event, None, None]:
        message = f"There is no graphics card number {self._number + 1} here: the others make all jobs."
        yield Failed(task.id, BadSetting.__name__, message, "start with fewer --devices")
