"""A tiny checkpoint whose self-attention looks somewhere: with plain random weights it is uniform, and tests blind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from modules.families.unet.family import UnetFamily
from tests.checkpoints import load_family, tiny_checkpoint

torch.set_num_threads(1)


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def attentive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> UnetFamily:
    """An SD 1 family that predicts epsilon or v, 64 pixels, latents of 16 x 16."""
    return sharpened(load_family(tiny_checkpoint(_path(tmp_path_factory), str(request.param))))


@pytest.fixture(scope="module")
def attentive_epsilon(tmp_path_factory: pytest.TempPathFactory) -> UnetFamily:
    return sharpened(load_family(tiny_checkpoint(_path(tmp_path_factory))))


def sharpened(family: UnetFamily) -> UnetFamily:
    """Queries and keys of self-attention four times as strong."""
    with torch.no_grad():
        for name, weight in family.unet.named_parameters():
            if ".attn1.to_q." in name or ".attn1.to_k." in name:
                weight.mul_(4)
    return family


def _path(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("attentive") / "tiny.safetensors"
