"""Apps with everything real but the network that dreams: their workers make noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modules.app import App, build
from modules.core.settings import Settings
from modules.core.worker import Worker
from modules.jobs.prepare import Packages
from modules.manager.index import FOLDER
from tests.app.asking import Start
from tests.headers import header_only
from tests.workers import Installed, noise_worker

INSTALLED = Installed()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with one checkpoint, called "tiny"."""
    folder = tmp_path_factory.mktemp("models")
    header_only(folder / FOLDER / "tiny.safetensors")
    return folder


@pytest.fixture
def start(tmp_path: Path, models: Path) -> Iterator[Start]:
    """Starts apps on one data folder, each with a worker of noise; the one before is closed first."""
    apps: list[App] = []

    def close() -> None:
        while apps:
            apps.pop().close()

    def start(worker: Worker | None = None, packages: Packages = INSTALLED, **values: Any) -> App:
        close()
        chosen: dict[str, Any] = {"data_dir": tmp_path / "data", "models_dirs": (models,)} | values
        app = replace(build(Settings(**chosen)), worker=worker or noise_worker(), packages=packages)
        app.start()
        apps.append(app)
        return app

    yield start
    close()


@pytest.fixture
def app(start: Start) -> App:
    return start()
