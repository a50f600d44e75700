"""A foreign page cannot drive this server, whatever route it tries; the person at the machine and scripts can."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from modules.api.entry import Entry
from modules.api.guard import MAX_BODY, Guard
from modules.api.local import LOOPBACK
from modules.api.scope import Message, Receive, Scope, Send
from modules.people.access import Access

ROUTES = [
    ("http", "GET", "/"),
    ("http", "GET", "/pictures/abc"),
    ("http", "GET", "/jobs/stream"),
    ("http", "POST", "/jobs"),
    ("http", "POST", "/jobs/abc/cancel"),
    ("http", "POST", "/gradio_api/upload"),
    ("http", "OPTIONS", "/jobs"),
    ("http", "GET", "/taffy/taffy.js"),
    ("http", "GET", "/internal/ping"),
    ("websocket", "", "/gradio_api/ws"),
]

FOREIGN_HOSTS = [
    "evil.example.com",
    "evil.example.com:7860",
    "localhost.evil.example.com",
    "127.0.0.1.nip.io:7860",
    "127.0.0.2",
    "192.168.1.5:7860",
    "[::2]:7860",
    "user@localhost:7860",
    "evil.example.com@localhost",
    "localhost:78a60",
    "localhost/evil",
    "localhost#evil",
    "[::1",
    "",
]

FOREIGN_ORIGINS = [
    "null",
    "http://evil.example.com",
    "https://evil.example.com:7860",
    "http://localhost.evil.example.com:7860",
    "http://localhost:3000",  # another program on this machine is another site
    "http://localhost",
    "http://localhost:7860@evil.example.com",
    "http://localhost:7860.evil.example.com",
    "file://localhost:7860",
    "chrome-extension://localhost:7860",
    "localhost:7860",
    "",
]


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
    await send({"type": f"{kind}.start", "status": 200, "headers": [(b"x-app", b"yes")]})
    await send({"type": f"{kind}.body", "body": b"hello"})


ORIGINS = [f"http://{host}:7860" for host in ("localhost", "127.0.0.1", "[::1]")]
NOBODY_ELSE = Entry(Access(Path("nowhere")))  # of a server for its own computer
GUARD = Guard(hello, LOOPBACK, ORIGINS, NOBODY_ELSE, {"/large": 300_000_000})


def ask(
    *headers: tuple[str, str], kind: str = "http", method: str = "GET", path: str = "/"
) -> tuple[int, str, Message]:
    """Status, body and the first message of the answer."""
    sent: list[Message] = []
    scope: Scope = {"type": kind, "path": path, "extensions": {"websocket.http.response": {}}}
    scope["client"], scope["server"] = ("127.0.0.1", 5000), ("127.0.0.1", 7860)
    if method:
        scope["method"] = method
    scope["headers"] = [(name.encode(), value.encode("latin-1")) for name, value in headers]

    async def receive() -> Message:
        raise AssertionError("nothing here reads a body")

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(GUARD(scope, receive, send))
    return sent[0]["status"], sent[1]["body"].decode(), sent[0]


@pytest.mark.parametrize(("kind", "method", "path"), ROUTES)
@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_is_refused_on_every_route(host: str, kind: str, method: str, path: str) -> None:
    status, body, _ = ask(("host", host), kind=kind, method=method, path=path)
    assert (status, "answers to" in body) == (403, True)


@pytest.mark.parametrize(("kind", "method", "path"), ROUTES)
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_is_refused_on_every_route(origin: str, kind: str, method: str, path: str) -> None:
    status, body, _ = ask(("host", "localhost:7860"), ("origin", origin), kind=kind, method=method, path=path)
    assert (status, "other web sites" in body) == (403, True)


@pytest.mark.parametrize(("kind", "method", "path"), ROUTES)
def test_dns_rebinding_is_refused_on_every_route(kind: str, method: str, path: str) -> None:
    headers = ("host", "evil.example.com:7860"), ("origin", "http://evil.example.com:7860")
    assert ask(*headers, kind=kind, method=method, path=path)[0] == 403


@pytest.mark.parametrize(("kind", "method", "path"), ROUTES)
@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860", "LocalHost:9000", "localhost"])
def test_our_own_page_passes_on_every_route(host: str, kind: str, method: str, path: str) -> None:
    headers = ("host", host), ("origin", f"http://{host}"), ("sec-fetch-site", "same-origin")
    assert ask(*headers, kind=kind, method=method, path=path)[:2] == (200, "hello")


@pytest.mark.parametrize(("kind", "method", "path"), ROUTES)
def test_a_script_without_origin_passes_on_every_route(kind: str, method: str, path: str) -> None:
    assert ask(("host", "127.0.0.1:7860"), kind=kind, method=method, path=path)[0] == 200


def test_a_page_opened_under_another_of_our_names_passes() -> None:
    assert ask(("host", "127.0.0.1:7860"), ("origin", "http://localhost:7860"))[0] == 200


def test_a_request_without_host_or_with_two_is_refused() -> None:
    assert ask()[0] == 403
    assert ask(("host", "localhost"), ("host", "evil.example.com"))[0] == 403


def test_one_foreign_origin_among_two_is_enough_to_be_refused() -> None:
    headers = ("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://evil.example.com")
    assert ask(*headers)[0] == 403


def test_the_referer_is_not_looked_at() -> None:
    assert ask(("host", "localhost"), ("referer", "http://evil.example.com/"))[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_link_here_but_not_use_us(site: str) -> None:
    said = ("host", "localhost"), ("sec-fetch-site", site)
    assert ask(*said, ("sec-fetch-mode", "navigate"))[0] == 200
    assert ask(*said, ("sec-fetch-mode", "no-cors"))[0] == 403  # <img src="http://localhost:7860/...">
    assert ask(*said, ("sec-fetch-mode", "navigate"), method="POST")[0] == 403  # a form


def test_a_typed_address_passes() -> None:
    assert ask(("host", "localhost"), ("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate"))[0] == 200


def test_a_huge_body_is_refused_before_it_is_read() -> None:
    host = ("host", "localhost")
    assert ask(host, ("content-length", str(MAX_BODY)), method="POST")[0] == 200
    status, body, _ = ask(host, ("content-length", str(MAX_BODY + 1)), method="POST")
    assert (status, "32 MB" in body) == (413, True)
    assert ask(host, ("content-length", "many"), method="POST")[0] == 413


def test_a_path_may_take_larger_bodies() -> None:
    for path, megabytes, status in (("/large", 300, 200), ("/large", 301, 413), ("/", 300, 413)):
        headers = ("host", "localhost"), ("content-length", str(megabytes * 1_000_000))
        assert ask(*headers, method="POST", path=path)[0] == status


def test_a_body_of_unknown_length_is_refused() -> None:
    assert ask(("host", "localhost"), ("transfer-encoding", "chunked"), method="POST")[0] == 411


@pytest.mark.parametrize("host", ["localhost", "evil.example.com"])
def test_every_answer_carries_the_security_headers(host: str) -> None:
    headers = dict(ask(("host", host))[2]["headers"])
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"x-frame-options"] == b"DENY"
    assert b"referrer-policy" in headers


def test_a_server_that_cannot_answer_a_websocket_closes_it() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    asyncio.run(GUARD({"type": "websocket", "path": "/", "headers": []}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_the_lifespan_of_the_server_passes() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*_: object) -> Message:
        return {}

    asyncio.run(Guard(app, (), (), NOBODY_ELSE)({"type": "lifespan"}, nothing, nothing))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
