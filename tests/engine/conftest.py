"""A real engine over tiny checkpoints with random weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modules.core.events import Event, PictureMade
from modules.core.family import Family
from modules.core.request import GenerationRequest
from modules.engine.engine import Engine
from modules.families.device import pick_device
from modules.hooks.host import Host
from modules.manager.index import Index
from modules.manager.manager import Manager

torch.set_num_threads(1)
REQUEST = GenerationRequest(
    checkpoint="tiny", prompt="a cat", negative_prompt="rocket", width=64, height=48, steps=5, seed=3, cfg_scale=4
)


@dataclass(frozen=True)
class Studio:
    """The parts a test of the loop talks to."""

    engine: Engine
    manager: Manager
    host: Host

    def family(self, name: str = "tiny") -> Family:
        loading = self.manager.use(name)
        while True:
            try:
                next(loading)
            except StopIteration as stop:
                family: Family = stop.value
                return family

    def events(self, **values: object) -> list[Event]:
        return list(self.engine.generate("job", replace(REQUEST, **values)))  # type: ignore[arg-type]

    def pictures(self, **values: object) -> list[np.ndarray]:
        """Each picture as (height, width, 3) levels."""
        made = [event for event in self.events(**values) if isinstance(event, PictureMade)]
        return [np.frombuffer(one.rgb, np.uint8).reshape(one.height, one.width, 3).astype(int) for one in made]


@pytest.fixture
def studio(tiny_models: Path, tmp_path: Path) -> Studio:
    manager = Manager(Index((tiny_models,)), pick_device(True, "fp32", "automatic"), tmp_path)
    host = Host([], "engine")
    return Studio(Engine(manager, host), manager, host)
