"""The page is built anew when extensions come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from modules.app import App, build
from modules.core.settings import Settings
from modules.ui.page import mount
from tests.hooks.writing import extension
from tests.workers import Installed, noise_worker

FRONT = "@hookimpl\ndef controls(tab): return [Control('on', 'A new control', 'checkbox', False)]"


@pytest.fixture
def app(tmp_path: Path, tiny_models: Path) -> Iterator[App]:
    extension(tmp_path / "extensions", "new", FRONT)
    settings = Settings(data_dir=tmp_path, models_dirs=(tiny_models,), extensions_dirs=(tmp_path / "extensions",))
    app = replace(build(settings), worker=noise_worker(), packages=Installed())
    yield app
    app.gallery.close()
    app.queue.journal.close()


def labels(server: FastAPI) -> set[str]:
    page = next(route.app for route in server.routes if hasattr(getattr(route, "app", None), "get_blocks"))  # type: ignore[attr-defined]
    return {str(block["props"].get("label")) for block in page.get_blocks().config["components"]}


def test_controls_go_and_come_back_without_a_restart(app: App) -> None:
    server = FastAPI()
    mount(server, app)
    assert "A new control" in labels(server)
    for on in (False, True):
        app.extending.switch("new", on)
        asyncio.run(server.state.remount())
        assert ("A new control" in labels(server)) is on
