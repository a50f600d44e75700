"""A server run as webui.py runs it: its own settings of uvicorn, its certificate, its log."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import uvicorn

from modules.api.server import make_server, server_config
from modules.app import App, build
from modules.core.settings import Settings
from modules.manager.index import FOLDER
from tests.headers import header_only
from tests.workers import Installed, noise_worker


@contextmanager
def as_webui(folder: Path, settings: Settings) -> Iterator[tuple[App, int]]:
    """The app and the port of a server with these settings, its data below the folder."""
    header_only(folder / "models" / FOLDER / "tiny.safetensors")
    settings = replace(settings, data_dir=folder / "data", models_dirs=(folder / "models",))
    app = replace(build(settings), worker=noise_worker(), packages=Installed())
    app.start()
    server = uvicorn.Server(server_config(make_server(app), settings))
    door = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([door],))
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield app, door.getsockname()[1]
    finally:
        app.watchers.close()
        server.should_exit = True
        thread.join()
        app.close()
