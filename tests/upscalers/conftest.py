"""Real networks of spandrel at tiny size with random weights, in the folders they are found in."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.SwinIR import SwinIR
from torch import nn

from modules.families.device import Device
from modules.upscalers.index import UpscalerIndex
from modules.upscalers.upscalers import Tile, Upscalers

torch.set_num_threads(1)
CPU = Device("cpu", "fp32", channels_last=True, attention="sdpa")
TINY_TILES = 1  # bytes: the smallest tiles there are
Result = TypeVar("Result")
Make = Callable[..., Upscalers]


def written(network: nn.Module, path: Path) -> Path:
    """As Real-ESRGAN writes a .pth, or as safetensors; random weights that do not fade on their way."""
    generator = torch.Generator().manual_seed(0)
    weights = network.state_dict()
    for weight in weights.values():
        if weight.ndim > 1 and weight.is_floating_point():
            weight.normal_(0, weight[0].numel() ** -0.5, generator=generator)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file({name: weight.contiguous() for name, weight in weights.items()}, path)
    else:
        torch.save({"params_ema": weights}, path)
    return path


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder: "compact" (4x, .pth), "rrdb" (2x), "windows" (2x, SwinIR) and "denoiser" (1x)."""
    models = tmp_path_factory.mktemp("models")
    written(Compact(num_feat=8, num_conv=2, upscale=4), models / "RealESRGAN" / "compact.pth")
    written(ESRGAN(num_filters=8, num_blocks=1, scale=2), models / "ESRGAN" / "rrdb.safetensors")
    windows = SwinIR(embed_dim=8, depths=[2], num_heads=[2], window_size=8, upscale=2, upsampler="pixelshuffle")
    written(windows, models / "SwinIR" / "windows.safetensors")
    written(Compact(num_feat=8, num_conv=1, upscale=1), models / "upscale_models" / "denoiser.safetensors")
    return models


@pytest.fixture
def make(networks: Path) -> Make:
    """Upscalers on this machine's CPU; keywords are theirs."""
    return lambda **values: Upscalers(UpscalerIndex([networks]), CPU, **values)


def finished(working: Generator[Tile, None, Result]) -> tuple[Result, list[Tile]]:
    """What a generator returns, and all it said before."""
    tiles = []
    while True:
        try:
            tiles.append(next(working))
        except StopIteration as stop:
            return stop.value, tiles


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """The same picture for the same size, with something everywhere."""
    levels = np.random.default_rng(0).integers(0, 256, (height, width, len(mode)), np.uint8)
    return Image.fromarray(levels)


def difference(one: Image.Image, other: Image.Image) -> int:
    """Of the levels of two pictures of one size, the largest."""
    assert (one.size, one.mode) == (other.size, other.mode)
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max())
