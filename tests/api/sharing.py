"""A server shared with `--listen`, with people of every role, and what the tests of it ask."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from modules.api.guard import Guard
from modules.api.server import make_server
from modules.ui.page import mount
from tests.api.conftest import Server, serving, started
from tests.workers import NoiseConfig

WORD = "correct horse"
CAT = {"prompt": "a cat", "steps": 2, "seed": 7, "width": 32, "height": 32}


def basic(name: str, password: str = WORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@dataclass(frozen=True)
class Shared:
    """A server with the page, started with --listen; anna is an owner, ben and eve are users, dora is a viewer."""

    server: Server
    guard: Guard
    url: str
    clients: dict[str, httpx.Client]

    def __getitem__(self, name: str) -> httpx.Client:
        return self.clients[name]

    @property
    def stranger(self) -> httpx.Client:
        return self.clients[""]

    def made(self, name: str, **fields: Any) -> tuple[str, str]:
        """A job of somebody's that is done, and its picture."""
        id = self[name].post("/jobs", json=CAT | fields).json()["id"]
        return id, self.ended(name, id)["pictures"][0]["id"]

    def ended(self, name: str, id: str) -> dict[str, Any]:
        until = time.monotonic() + 20
        while (job := self[name].get(f"/jobs/{id}").json())["state"] in {"waiting", "running"}:
            assert time.monotonic() < until
            time.sleep(0.01)
        found: dict[str, Any] = job
        return found


@contextmanager
def sharing(folder: Path) -> Iterator[Shared]:
    with ExitStack() as ending:
        server = ending.enter_context(started(folder, NoiseConfig(0.01), listen=True, allow_hosts="taffy.example.com"))
        users = server.app.access.users
        for name, role in {"anna": "owner", "ben": "user", "eve": "user", "dora": "viewer"}.items():
            users.add(name, role, WORD)
        guard = make_server(server.app, mount)
        url = f"http://127.0.0.1:{ending.enter_context(serving(guard))}"
        ending.callback(server.app.watchers.close)
        people = {name: {"headers": basic(name)} for name in ("anna", "ben", "eve", "dora")}
        clients = {
            name: ending.enter_context(httpx.Client(base_url=url, timeout=20, **options))  # type: ignore[arg-type]
            for name, options in {"": {}, **people}.items()
        }
        yield Shared(server, guard, url, clients)


def state(shared: Shared, name: str) -> dict[str, Any]:
    """What somebody's page hears first."""
    with shared[name].stream("GET", "/jobs/stream") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                found: dict[str, Any] = json.loads(line[6:])
                return found
    raise AssertionError("the stream ended")
