"""Extensions over HTTP: the list, switches, settings, buttons and routes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.api.conftest import QUICK, Server, started
from tests.hooks.writing import extension

FRONT = """
    @hookimpl
    def settings(): return [Control("amount", "Amount", "slider", 0.5)]
    @hookimpl
    def buttons(): return [Button("press", "Press", lambda picture, desk: Outcome(f"seed {picture.seed}"))]
    def echo(call, desk): return Reply.json([call.owner, call.query, call.body.decode(), call.here])
    def refuse(call, desk): raise BadRequest("not today", "come back")
    def fail(call, desk): raise RuntimeError("a bug")
    @hookimpl
    def routes(): return [Route("POST", "echo", echo), Route("GET", "refuse", refuse), Route("GET", "fail", fail)]
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with two extensions, one of them broken."""
    folder = tmp_path / "extensions"
    extension(folder, "mine", FRONT)
    extension(folder, "broken", "raise RuntimeError('at load')")
    with started(tmp_path, QUICK, extensions_dirs=(folder,)) as one:
        yield one


def listed(server: Server) -> dict[str, dict[str, object]]:
    return {one["name"]: one for one in server.client.get("/extensions").json()["extensions"]}


def test_each_is_listed_with_what_became_of_it(server: Server) -> None:
    found = listed(server)
    assert (found["mine"]["state"], found["mine"]["faults"]) == ("on", [])
    assert "RuntimeError: at load" in str(found["broken"]["faults"])
    assert "Traceback" in str(found["broken"]["faults"])


def test_a_switch_and_a_setting_stay(server: Server) -> None:
    assert server.client.post("/extensions/mine/settings", json={"amount": 0.7}).status_code == 200
    assert "cannot be" in server.client.post("/extensions/mine/settings", json={"amount": 7}).json()["error"]
    assert server.client.post("/extensions/mine/switch", json={"on": False}).status_code == 200
    assert listed(server)["mine"]["state"] == "off"
    server.client.post("/extensions/mine/switch", json={"on": True})
    assert listed(server)["mine"]["settings"][0]["value"] == 0.7  # type: ignore[index]
    assert server.client.post("/extensions/nobody/switch", json={"on": True}).status_code == 404


def test_routes_of_extensions_answer_refuse_and_fail_with_a_sentence(server: Server) -> None:
    client = server.client
    assert client.post("/extensions/mine/api/echo?a=1", content=b"hello").json() == ["local", {"a": "1"}, "hello", True]
    refused, failed = (client.get(f"/extensions/mine/api/{path}") for path in ("refuse", "fail"))
    assert (refused.status_code, refused.json()["error"]) == (422, "not today")
    assert "RuntimeError: a bug" in failed.json()["error"]
    assert client.get("/extensions/mine/api/nothing").status_code == 404


def test_a_button_is_pressed_for_a_picture(server: Server) -> None:
    id = server.client.post("/jobs", json={"prompt": "a cat", "seed": 5, "steps": 1}).json()["id"]
    picture = server.ended(id)["pictures"][0]["id"]
    pressed = server.client.post("/extensions/mine/buttons/press", json={"picture": picture})
    assert pressed.json() == {"text": "seed 5", "link": ""}
    assert server.client.post("/extensions/mine/buttons/press", json={"picture": "nobody's"}).status_code == 404


def test_installing_needs_consent(server: Server, tmp_path: Path) -> None:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        for path in extension(tmp_path / "elsewhere", "fresh", FRONT).iterdir():
            archive.write(path, f"fresh/{path.name}")
    send = {"content": file.getvalue(), "headers": {"Content-Type": "application/zip"}}
    assert "nobody has said yes" in server.client.post("/extensions/install", **send).json()["error"]  # type: ignore[arg-type]
    assert server.client.post("/extensions/install?consent=yes", **send).status_code == 200  # type: ignore[arg-type]
    assert listed(server)["fresh"]["state"] == "on"


def test_only_the_owner_here_may_switch_and_install(server: Server) -> None:
    client = server.client
    for path in ("mine/switch", "mine/settings", "install?consent=yes", "mine/requirements?consent=yes", "renew"):
        answer = client.post(f"/extensions/{path}", json={}, headers={"X-Forwarded-For": "10.0.0.9"})
        assert answer.status_code == 403, path
