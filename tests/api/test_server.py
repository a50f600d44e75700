"""The routes on a real port: what they give, and that nobody else gets it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image

from modules.api.server import make_server
from modules.app import App
from modules.core.people import LOCAL_OWNER
from tests.api.conftest import Server, serving

CAT = {"prompt": "a cat", "steps": 3, "seed": 7, "width": 32, "height": 32}


def post(server: Server, values: object) -> httpx.Response:
    return server.client.post("/jobs", json=values)


def finished(server: Server, **values: Any) -> dict[str, Any]:
    return server.ended(post(server, CAT | values).json()["id"])


def test_ping_answers(server: Server) -> None:
    assert server.client.get("/internal/ping").json() == {"app": "taffy"}


def test_a_job_goes_in_and_its_picture_comes_out(server: Server) -> None:
    answer = post(server, CAT | {"count": 2})
    assert answer.status_code == 202
    job = server.ended(answer.json()["id"])
    assert (job["state"], job["prompt"], job["error"]) == ("done", "a cat", "")
    assert job["request"]["checkpoint"] == "tiny"
    assert [(picture["seed"], picture["width"], picture["height"]) for picture in job["pictures"]] == [
        (7, 32, 32),
        (8, 32, 32),
    ]
    assert "a cat" in job["pictures"][0]["infotext"]
    picture = server.client.get(job["pictures"][0]["url"])
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(BytesIO(picture.content)).size == (32, 32)


def test_a_picture_never_changes_so_a_browser_may_keep_it(server: Server) -> None:
    url = finished(server)["pictures"][0]["url"]
    answer = server.client.get(url)
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert "content-disposition" not in answer.headers
    saved = server.client.get(url, params={"download": 1})
    assert re.fullmatch(r'attachment; filename="\d+-7\.png"', saved.headers["content-disposition"])


@pytest.mark.parametrize(
    "id", ["nobody", "..%2f..%2fetc%2fpasswd", "%2e%2e", "..%5c..", "a%00b", "%ff", "jobs.sqlite3", "x" * 5000]
)
def test_anything_else_is_not_there(server: Server, id: str) -> None:
    assert server.client.get(f"/pictures/{id}").status_code == 404


def test_an_unknown_picture_and_a_removed_one_get_a_sentence(server: Server) -> None:
    assert "there is no picture 'nobody'" in server.client.get("/pictures/nobody").json()["error"]
    picture = finished(server)["pictures"][0]
    server.app.gallery.file(picture["id"], LOCAL_OWNER).unlink()
    gone = server.client.get(picture["url"])
    assert (gone.status_code, "is gone" in gone.json()["error"]) == (404, True)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"steps": 151}, "steps .*150, got 151"),
        ({"cfg_scale": float("nan")}, "CFG scale must be a finite number, got nan"),
        ({"cfg_scale": float("inf")}, "CFG scale .*, got inf"),
        ({"width": 33}, "width: tiny makes pictures in multiples of"),
        ({"width": 65_536, "height": 65_536}, "at most 64 megapixels, got 65536x65536"),
        ({"sampler": "Dreamy"}, "no sampler called 'Dreamy'"),
        ({"checkpoint": "gone"}, "no checkpoint called 'gone'"),
        ({"prompt": "\ud800"}, "a letter that is cut in half"),
        ({"promt": "a dog"}, "promt"),
        ({"extras": {"gone.on": 1}}, "no extension has a control called 'gone.on'"),
    ],
)
def test_bad_input_gets_422_and_a_sentence(server: Server, values: dict[str, Any], sentence: str) -> None:
    content = json.dumps(CAT | values)
    answer = server.client.post("/jobs", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert re.search(sentence, answer.json()["error"])
    assert set(answer.json()) == {"error", "advice"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not readable JSON"),
        (b"{", "not readable JSON"),
        (b"\xff\xfe", "not readable JSON"),
        (b"[" * 100_000, "not readable JSON"),
        (b'{"seed": ' + b"9" * 10_000 + b"}", "not readable JSON"),
        (b"[1]", "must be a JSON object, got list"),
        (b"null", "must be a JSON object, got NoneType"),
        (b'{"prompt": "' + b"x" * 1_000_000 + b'"}', "at most 1000000 bytes"),
    ],
)
def test_a_body_that_is_no_request_gets_a_sentence(server: Server, body: bytes, sentence: str) -> None:
    answer = server.client.post("/jobs", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, sentence in answer.json()["error"]) == (422, True)


def test_a_form_cannot_submit_a_job(server: Server) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = server.client.post("/jobs", content=json.dumps(CAT), headers={"content-type": kind})
        assert (answer.status_code, "as JSON" in answer.json()["error"]) == (422, True)


def test_cancel_answers_for_a_known_job_only(server: Server) -> None:
    id = post(server, CAT).json()["id"]
    assert server.client.post(f"/jobs/{id}/cancel").json() == {"id": id}
    unknown = server.client.post("/jobs/nobody/cancel")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "there is no job 'nobody'")
    assert server.client.get("/jobs/nobody").status_code == 404


def test_checkpoints_are_listed_with_their_cards(server: Server) -> None:
    (entry,) = server.client.get("/checkpoints").json()
    assert (entry["name"], entry["problem"], entry["card"]["family"]) == ("tiny", "", "sd1")


def test_there_is_no_list_of_routes_to_read(server: Server) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert server.client.get(path).status_code == 404


def every_route(app: App) -> list[tuple[str, str]]:
    guard = make_server(app)
    assert isinstance(guard.asgi_app, FastAPI)
    paths: dict[str, dict[str, object]] = guard.asgi_app.openapi()["paths"]
    return [(method, re.sub(r"\{\w+\}", "x", path)) for path, methods in paths.items() for method in methods]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example.com"},
        {"origin": "http://evil.example.com"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    ],
)
def test_every_route_that_there_is_refuses_foreign_pages(server: Server, headers: dict[str, str]) -> None:
    routes = every_route(server.app)
    assert len(routes) >= 11  # else they were not found
    for method, path in routes:
        answer = server.client.request(method, path, headers=headers)
        assert (path, answer.status_code) == (path, 403)
        assert answer.text.endswith(".")


def test_an_error_of_our_own_does_not_show_its_traceback(serve: Callable[..., Server]) -> None:
    def broken(server: FastAPI, app: App) -> None:
        @server.get("/broken")
        def route() -> None:
            raise RuntimeError("secret")

    server = serve()
    with serving(make_server(server.app, broken)) as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/broken")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_the_page_cannot_take_the_place_of_a_route(serve: Callable[..., Server]) -> None:
    def page(server: FastAPI, app: App) -> None:
        @server.get("/{anything:path}")
        def route(anything: str) -> str:
            return f"the page, {anything}"

    server = serve()
    with serving(make_server(server.app, page)) as port:
        assert httpx.get(f"http://127.0.0.1:{port}/tab").json() == "the page, tab"
        assert httpx.get(f"http://127.0.0.1:{port}/internal/ping").json() == {"app": "taffy"}
