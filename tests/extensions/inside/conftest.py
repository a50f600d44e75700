"""The extension Inside in a real engine over tiny checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from extensions.inside.branch import Branch
from extensions.inside.record import Record, unpacked
from modules.core.events import Attached, Event, Failed, PictureMade
from modules.core.request import GenerationRequest
from modules.core.task import Generate
from modules.hooks import Turn
from modules.worker.config import WorkerConfig
from modules.worker.service import Service
from tests.checkpoints import tiny_checkpoint

EXTENSIONS = Path(__file__).parents[3] / "extensions"
KEEP = {"inside.options": b'{"keep": true}'}
REQUEST = GenerationRequest(
    checkpoint="tiny", prompt="a cat", negative_prompt="rocket", width=64, height=48, steps=5, seed=3, cfg_scale=4
)


@dataclass(frozen=True)
class Made:
    """What became of a request: the pictures' pixels, the facts of the first, the record of the first batch."""

    pixels: tuple[bytes, ...]
    facts: Mapping[str, str]
    records: tuple[Record, ...]

    @property
    def record(self) -> Record:
        return self.records[0]


@dataclass(frozen=True)
class Studio:
    service: Service
    models: Path

    def events(self, packed: Mapping[str, bytes], **values: Any) -> list[Event]:
        return list(self.service.run(Generate("job", replace(REQUEST, **values), {}, packed)))

    def made(self, packed: Mapping[str, bytes] = KEEP, **values: Any) -> Made:
        events = self.events(packed, **values)
        assert not isinstance(events[-1], Failed), events[-1]
        assert not self.service.card().faults
        pictures = [event for event in events if isinstance(event, PictureMade)]
        records = [unpacked(event.data) for event in events if isinstance(event, Attached)]
        return Made(tuple(one.rgb for one in pictures), pictures[0].facts, tuple(records))

    def branch(self, left: Record, step: int, turns: tuple[Turn, ...] = (), **values: Any) -> Made:
        """From a record, after so many steps. seed_alone: the one picture of it that goes on."""
        seed = values.pop("alone", None)
        branch = Branch("job", left.key, step, seed, turns)
        packed = KEEP | {"inside.steps": left.packed()}
        return self.made(packed, extras={"inside.branch": branch.extra()}, **values)


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    models = tmp_path_factory.mktemp("inside")
    tiny_checkpoint(models / "Stable-diffusion" / "tiny.safetensors")
    cache = str(models / "cache")
    config = WorkerConfig((str(models),), cache, (str(EXTENSIONS),), use_cpu=True, precision="fp32", threads=1)
    return Studio(Service(config), models)
