"""A models folder with checkpoints of several kinds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.checkpoints import tiny_checkpoint

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return tiny_checkpoint(tmp_path_factory.mktemp("content") / "tiny.safetensors").read_bytes()


@pytest.fixture
def models(tmp_path: Path, tiny_content: bytes) -> Path:
    """tiny, other (wider), in/deep; broken (cut off), old.ckpt."""
    folder = tmp_path / "models" / "Stable-diffusion"
    (folder / "in").mkdir(parents=True)
    (folder / "tiny.safetensors").write_bytes(tiny_content)
    (folder / "in" / "deep.safetensors").write_bytes(tiny_content)
    tiny_checkpoint(folder / "other.safetensors", "v_prediction", seed=1, width=64)
    (folder / "broken.safetensors").write_bytes(tiny_content[:5000])
    (folder / "old.ckpt").write_bytes(b"anything")
    return tmp_path / "models"
