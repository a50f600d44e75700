"""The page is built anew when extensions come and go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from modules.app import App, build
from modules.core.settings import Settings
from modules.ui.mounted import Mounted
from modules.ui.page import PLUGINS, head, mount, put_page, tab_script
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


@contextmanager
def mounted(app: App) -> Iterator[TestClient]:
    """The page alone in a running server; `server.state.mounted` replaces it."""
    server = FastAPI()
    for name, plugin in PLUGINS.items():
        app.host.register(plugin, name)
    server.state.mounted = Mounted(server, partial(put_page, app=app), grace=0)
    with TestClient(server) as client:
        yield client


def remount(client: TestClient) -> None:
    server: Any = client.app
    assert client.portal is not None
    client.portal.call(server.state.mounted.remount)


def uploaded(client: TestClient) -> Path:
    (path,) = client.post("/gradio_api/upload", files={"files": ("a.txt", b"a picture")}).json()
    return Path(path)


def test_what_was_uploaded_is_there_after_a_remount_and_gone_at_the_end(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    with mounted(app) as client:
        first = uploaded(client)
        remount(client)
        second = uploaded(client)
        remount(client)
        assert first.read_bytes() == second.read_bytes() == b"a picture"
        assert client.get(f"/gradio_api/file={first}").content == b"a picture"
    assert not first.exists()
    assert not second.exists()


async def tasks() -> int:
    return len(asyncio.all_tasks())


def test_pages_that_were_replaced_do_nothing_any_more(app: App) -> None:
    with mounted(app) as client:
        assert client.portal is not None
        remount(client)
        remount(client)
        until = time.monotonic() + 20
        few = client.portal.call(tasks)
        remount(client)
        remount(client)
        while (now := client.portal.call(tasks)) > few and time.monotonic() < until:
            time.sleep(0.1)
        assert now <= few


def test_controls_go_and_come_back_without_a_restart(app: App) -> None:
    server = FastAPI()
    mount(server, app)
    assert "A new control" in labels(server)
    for on in (False, True):
        app.extending.switch("new", on)
        asyncio.run(server.state.remount())
        assert ("A new control" in labels(server)) is on


def test_a_script_named_like_a_tab_waits_for_the_tab_and_what_it_imports_with_it(app: App, tmp_path: Path) -> None:
    front = "@hookimpl\ndef tabs(): return [Tab('wide', 'Wide', 50, lambda page: None)]\n"
    front += "@hookimpl\ndef assets(): return ['wide.js', 'part.js', 'early.js']"
    folder = extension(tmp_path / "extensions", "broad", front)
    (folder / "wide.js").write_text('import { part } from "./part.js";\n')
    for name in ("part.js", "early.js"):
        (folder / name).write_text("export const part = 1;\n")
    app.extending.renew()
    assert "/extensions/files/broad/early.js" in head(app)
    assert "wide.js" not in head(app)
    assert "part.js" not in head(app)
    tab = next(tab for tab in app.host.tabs() if tab.extension == "broad")
    assert tab_script(app, tab) == "/extensions/files/broad/wide.js"
