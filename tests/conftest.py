"""What every test may rely on: no network, one thread of arithmetic, a tiny real checkpoint."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

ON_THE_SERVER = {  # tests/ui: on one real server with a real engine, which takes long to start
    *("test_browser.py", "test_first_minute.py", "test_grid.py", "test_inside.py", "test_inside_keep.py"),
    *("test_inside_panels.py", "test_inside_running.py", "test_progress.py", "test_results.py"),
}
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


class Rows(LoadFileScheduling):  # type: ignore[misc]
    """A file stays in one row, and so do all files that share the real server."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "server" if file.rpartition("/")[2] in ON_THE_SERVER else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Rows:
    return Rows(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browser tests last: what they need has been tested by then. In rows they go first, for they take longest, and
    those on the real server before all others."""
    in_rows = hasattr(config, "workerinput")
    items.sort(key=lambda item: (item.get_closest_marker("browser") is not None) != in_rows)
    if in_rows:
        items.sort(key=lambda item: item.path.name not in ON_THE_SERVER)
