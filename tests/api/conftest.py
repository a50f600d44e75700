"""A real server on a real port, with an app whose worker makes noise."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from modules.api.scope import AsgiApp
from modules.api.server import make_server
from modules.app import App, build
from modules.core.settings import Settings
from modules.manager.index import FOLDER
from tests.headers import header_only
from tests.workers import Installed, NoiseConfig, noise_worker

if TYPE_CHECKING:
    from tests.api.sharing import Shared

QUICK = NoiseConfig()


@dataclass(frozen=True)
class Server:
    app: App
    port: int
    client: httpx.Client

    def ended(self, job_id: str) -> dict[str, Any]:
        """The job once it is over."""
        for _ in range(1000):
            job: dict[str, Any] = self.client.get(f"/jobs/{job_id}").json()
            if job["state"] not in {"waiting", "running"}:
                return job
            time.sleep(0.01)
        raise AssertionError("waited too long")


@contextmanager
def serving(asgi_app: AsgiApp) -> Iterator[int]:
    """uvicorn in a thread, as webui.py runs it; gives its port."""
    server = uvicorn.Server(uvicorn.Config(asgi_app, port=0, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@contextmanager
def started(folder: Path, noise: NoiseConfig, heartbeat: float = 15.0, **chosen: Any) -> Iterator[Server]:
    """An app on this folder, with one checkpoint called "tiny", and a server around it. chosen: settings."""
    header_only(folder / "models" / FOLDER / "tiny.safetensors")
    settings = Settings(data_dir=folder / "data", models_dirs=(folder / "models",), **chosen)
    app = replace(build(settings), worker=noise_worker(noise), packages=Installed())
    app.start()
    with ExitStack() as ending:
        ending.callback(app.close)
        port = ending.enter_context(serving(make_server(app, heartbeat=heartbeat)))
        ending.callback(app.watchers.close)  # else the server would wait for those who watch
        client = ending.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20))
        yield Server(app, port, client)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """serve(noise) starts an app and a server around it; both end with the test."""
    with ExitStack() as ending:

        def serve(noise: NoiseConfig = QUICK, heartbeat: float = 15.0) -> Server:
            return ending.enter_context(started(tmp_path, noise, heartbeat))

        yield serve


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do not mind what others did to it."""
    with started(tmp_path_factory.mktemp("standing"), QUICK, heartbeat=15.0) as server:
        yield server


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    from tests.api.sharing import sharing  # with the page, which takes gradio

    with sharing(tmp_path_factory.mktemp("shared")) as shared:
        yield shared


@pytest.fixture
def shared(shared_server: Shared) -> Shared:
    """One server for several people. Wrong passwords of other tests do not count."""
    shared_server.server.app.access.throttle.forgive("127.0.0.1")
    return shared_server
