"""A loaded tiny checkpoint and states of the loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from modules.core.moments import Prediction, StepState
from modules.core.request import GenerationRequest
from modules.families.unet.family import UnetFamily
from tests.checkpoints import load_family, tiny_checkpoint

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> UnetFamily:
    return load_family(tiny_checkpoint(tmp_path_factory.mktemp("preview") / "tiny.safetensors"))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def state() -> Callable[..., StepState]:
    """A state of step `step` of 20 whose prediction is noise."""

    def make(step: int = 0, preview: str = "automatic", batch: int = 1, x0: Tensor | None = None) -> StepState:
        shown = noise(batch, 4, 16, 16) if x0 is None else x0
        request = GenerationRequest(preview=preview)
        return StepState(request, 0, step, 20, 1.0, torch.zeros_like(shown), (), None, Prediction(shown))

    return make


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"
