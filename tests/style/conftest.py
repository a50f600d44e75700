"""Jobs of the style modes over a tiny checkpoint."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from modules.core.events import Event, PictureMade
from modules.core.request import GenerationRequest
from modules.engine.style.inject import KnownStyles, inject
from modules.engine.style.modes import StyleModes
from modules.families.unet.family import UnetFamily
from modules.hooks.engine_host import EngineHost
from tests.checkpoints import load_family

torch.set_num_threads(1)
REQUEST = GenerationRequest(
    checkpoint="tiny",
    style_mode="inject",
    image="content",
    style_images=("style",),
    width=64,
    height=48,
    steps=3,
    cfg_scale=4,
    seed=3,
    style_memory="stored",
)


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def blobs(seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Coarse random colours."""
    few = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(few).resize(size)


@dataclass(frozen=True)
class StyleStudio:
    """The style modes over one loaded family. Pictures: "content" and "style", and others by name."""

    family: UnetFamily
    known: KnownStyles
    inputs: Mapping[str, bytes]

    def events(self, inputs: Mapping[str, bytes] | None = None, **values: Any) -> list[Event]:
        request = replace(REQUEST, **values)
        job = StyleModes(EngineHost([]), ()).job("job", request, {**self.inputs, **(inputs or {})})
        return list(inject(job, self.family, self.known))

    def picture(self, inputs: Mapping[str, bytes] | None = None, **values: Any) -> NDArray[np.int64]:
        """(height, width, 3) levels."""
        return levels(self.made(inputs, **values))

    def made(self, inputs: Mapping[str, bytes] | None = None, **values: Any) -> PictureMade:
        event = self.events(inputs, **values)[-1]
        assert isinstance(event, PictureMade)
        return event


def levels(made: PictureMade) -> NDArray[np.int64]:
    return np.frombuffer(made.rgb, np.uint8).reshape(made.height, made.width, 3).astype(np.int64)


@pytest.fixture(scope="session")
def tiny_family(tiny_models: Path) -> UnetFamily:
    return load_family(tiny_models / "Stable-diffusion" / "tiny.safetensors")


@pytest.fixture
def styles(tiny_family: UnetFamily) -> StyleStudio:
    pictures = {"content": png(blobs(0)), "style": png(blobs(1)), "other": png(blobs(2))}
    return StyleStudio(tiny_family, KnownStyles(), pictures)
