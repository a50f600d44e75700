"""What every test may rely on: no network, one thread of arithmetic, a tiny real checkpoint."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("shared machine", deadline=None)  # a slow moment of the machine is no fault of the code
settings.load_profile("shared machine")

os.environ |= {"HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with one SD1-layout checkpoint of random weights, called "tiny"."""
    from tests.checkpoints import tiny_checkpoint

    models = tmp_path_factory.mktemp("models")
    (models / "Stable-diffusion").mkdir()
    tiny_checkpoint(models / "Stable-diffusion" / "tiny.safetensors")
    return models


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browser tests last: what they need has been tested by then. In rows they go first, for they take longest."""
    in_rows = hasattr(config, "workerinput")
    items.sort(key=lambda item: (item.get_closest_marker("browser") is not None) != in_rows)
