"""A real engine over tiny checkpoints with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modules.core.events import Event, PictureMade
from modules.core.family import Family
from modules.core.request import GenerationRequest
from modules.engine.engine import Engine
from modules.families.device import pick_device
from modules.hooks.engine_host import EngineHost
from modules.manager.index import Index
from modules.manager.manager import Manager
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.upscalers import Upscalers
from tests.checkpoints import tiny_checkpoint

torch.set_num_threads(1)
DEVICE = pick_device(True, "fp32", "automatic")
REQUEST = GenerationRequest(
    checkpoint="tiny", prompt="a cat", negative_prompt="rocket", width=64, height=48, steps=5, seed=3, cfg_scale=4
)


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def scene(width: int = 64, height: int = 48) -> Image.Image:
    """A picture with a different colour at every pixel."""
    rows, columns = np.mgrid[:height, :width]
    levels = np.stack([columns * 3 % 256, rows * 4 % 256, (rows * columns + 7 * rows) % 256], -1)
    return Image.fromarray(levels.astype(np.uint8))


def white(box: tuple[int, int, int, int], width: int = 64, height: int = 48, level: int = 255) -> Image.Image:
    """A mask that is white in a box and black elsewhere."""
    mask = Image.new("L", (width, height))
    mask.paste(level, box)
    return mask


@dataclass(frozen=True)
class Studio:
    """The parts a test of the loop talks to."""

    engine: Engine
    manager: Manager
    host: EngineHost

    def family(self, name: str = "tiny") -> Family:
        loading = self.manager.use(name)
        while True:
            try:
                next(loading)
            except StopIteration as stop:
                family: Family = stop.value
                return family

    def events(
        self, image: Image.Image | None = None, mask: Image.Image | None = None, **values: object
    ) -> list[Event]:
        """What happens to REQUEST with these values, from this picture, where this mask is white."""
        given = {name: png(picture) for name, picture in (("image", image), ("mask", mask)) if picture}
        names = {name: name for name in given}
        request = replace(REQUEST, **names, **values)  # type: ignore[arg-type]
        return list(self.engine.generate("job", request, given))

    def made(
        self, image: Image.Image | None = None, mask: Image.Image | None = None, **values: object
    ) -> list[PictureMade]:
        return [event for event in self.events(image, mask, **values) if isinstance(event, PictureMade)]

    def pictures(
        self, image: Image.Image | None = None, mask: Image.Image | None = None, **values: object
    ) -> list[np.ndarray]:
        """Each picture as (height, width, 3) levels."""
        made = self.made(image, mask, **values)
        return [np.frombuffer(one.rgb, np.uint8).reshape(one.height, one.width, 3).astype(int) for one in made]


@pytest.fixture(scope="session")
def engine_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three checkpoints with random weights, for text, inpainting and instructions: "tiny", "inpaint", "instruct"."""
    models = tmp_path_factory.mktemp("engine")
    for name, channels in (("tiny", 4), ("inpaint", 9), ("instruct", 8)):
        tiny_checkpoint(models / "Stable-diffusion" / f"{name}.safetensors", in_channels=channels)
    return models


@pytest.fixture(scope="session")
def manager_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Manager]:
    """The manager of a models folder. Tests of one folder share it: every job leaves a checkpoint as it was."""

    @lru_cache(maxsize=1)
    def manager_of(models: Path) -> Manager:
        return Manager(Index((models,)), DEVICE, tmp_path_factory.mktemp("cache"))

    return manager_of


@pytest.fixture
def studio(engine_models: Path, manager_of: Callable[[Path], Manager]) -> Studio:
    manager, host = manager_of(engine_models), EngineHost([])
    return Studio(Engine(manager, host, Upscalers(UpscalerIndex(()), DEVICE)), manager, host)
