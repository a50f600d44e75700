"""Checkpoints of Stable Diffusion 1.5's and SDXL's size with random weights: as slow as the real ones, and free."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from modules.families.sdxl import SDXL
from modules.training.export import ldm_tensors
from tests.checkpoints import sd15_networks, single_file_tensors
from tests.families.test_full_size import networks_of

POOL = 1 << 24  # random numbers that are used again and again
BYTES = 2  # of a number in fp16


def full_size_checkpoint(path: Path, seed: int = 0) -> Path:
    """Write 2.1 GB in SD 1.5's single-file layout, fp16, seeded; returns its path."""
    return write_random(path, ldm_tensors(*sd15_networks()), seed)


def full_size_sdxl(path: Path, seed: int = 0) -> Path:
    """Write 6.9 GB in SDXL's."""
    return write_random(path, single_file_tensors(SDXL, networks_of("sdxl")), seed)


def write_random(path: Path, tensors: Mapping[str, Tensor], seed: int) -> Path:
    """Weights that keep the size of what passes through: norms 1, biases 0, the rest 1 / sqrt(inputs)."""
    header: dict[str, Any] = {}
    end = 0
    for key, weight in tensors.items():
        begin, end = end, end + weight.numel() * BYTES
        header[key] = {"dtype": "F16", "shape": list(weight.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    pool = torch.randn(POOL, generator=torch.Generator().manual_seed(seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for number, (key, weight) in enumerate(tensors.items()):
            start = number * 9973 % (POOL // 2)
            file.write(values(key, tuple(weight.shape), pool[start:]).numpy().tobytes())
    return path


def values(key: str, shape: tuple[int, ...], pool: Tensor) -> Tensor:
    """One weight, flat, in fp16."""
    if len(shape) == 1:
        return torch.full(shape, 1.0 if key.endswith("weight") else 0.0, dtype=torch.float16)
    size = prod(shape)
    scaled = (pool[:size] * prod(shape[1:]) ** -0.5).half()
    whole: Tensor = scaled.repeat(-(-size // len(scaled)))[:size]
    return whole
