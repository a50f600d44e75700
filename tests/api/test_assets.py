"""Scripts and styles come from memory, packed for those who can unpack them, and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from modules.api.assets import add_assets, add_folder, reader
from modules.api.server import tell
from modules.core.errors import NotThere, TaffyError


@pytest.fixture(scope="module")
def client() -> TestClient:
    server = FastAPI()
    server.add_exception_handler(TaffyError, tell)
    add_assets(server)
    return TestClient(server)


def test_our_scripts_are_asked_for_again_and_sent_once(client: TestClient) -> None:
    script = client.get("/taffy/all.js")
    assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert script.headers["cache-control"] == "no-cache"
    assert "taffy-refusal" in script.text
    again = client.get("/taffy/all.js", headers={"If-None-Match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_gradios_are_kept_for_ever(client: TestClient) -> None:
    import gradio

    folder = Path(gradio.__file__).parent / "templates" / "frontend"
    (name,) = set(re.findall(r"assets/(index-[\w-]+\.js)", (folder / "index.html").read_text("utf-8")))
    script = client.get(f"/assets/{name}")
    assert script.content == (folder / "assets" / name).read_bytes()
    assert "immutable" in script.headers["cache-control"]


def test_what_is_smaller_packed_is_packed_for_those_who_can_unpack_it(client: TestClient) -> None:
    packed, plain = (client.get("/taffy/all.js", headers={"Accept-Encoding": way}) for way in ("gzip", "identity"))
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert packed.content == plain.content


@pytest.mark.parametrize("name", ["nobody.js", "..%2fpage.py", "%2e%2e%2fpage.py", "taffy.js%00.png"])
@pytest.mark.parametrize("folder", ["taffy", "assets"])
def test_nothing_else_is_served(client: TestClient, folder: str, name: str) -> None:
    assert client.get(f"/{folder}/{name}").status_code == 404


def test_an_asset_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "one.js").write_text("1")
    (tmp_path / "secret.txt").write_text("2")
    server = FastAPI()
    add_folder(server, "/some", reader(tmp_path), "no-cache")
    client = TestClient(server)
    assert client.get("/some/one.js").text == "1"
    (tmp_path / "one.js").write_text("3")
    assert client.get("/some/one.js").text == "1"
    with pytest.raises(NotThere, match=r"'secret\.txt'"):
        client.get("/some/secret.txt")
