"""Shared with `--listen`: strangers get nothing, and everybody logs in with a password or the link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from modules.api.entry import PUBLIC
from modules.people.throttle import EACH
from tests.api.conftest import Server, started
from tests.api.routes import every_route, filled
from tests.api.sharing import CAT, WORD, Shared, basic
from tests.workers import NoiseConfig

FOREIGN = {"host": "evil.example.com"}, {"origin": "http://evil.example.com"}, {"origin": "null"}


@pytest.fixture(scope="module")
def routes(shared_server: Shared) -> list[tuple[str, str]]:
    found = every_route(shared_server.guard, shared_server.server.app)
    assert len([path for _, path in found if "gradio_api" in path]) > 20  # the page's own are among them
    newest = [("POST", "/models/{id}/notes"), ("POST", "/extensions/install"), ("GET", "/extensions/inside/api/looks")]
    assert {("POST", "/jobs"), ("GET", "/models/{id}/picture"), *newest} <= {*found}
    return sorted({(method, filled(path)) for method, path in found})


def test_strangers_get_401_from_every_route_but_the_short_list(shared: Shared, routes: list[tuple[str, str]]) -> None:
    assert PUBLIC == ("/login", "/healthz")
    for method, path in routes:
        status = shared.stranger.request(method, path, headers={"accept": "text/html"}).status_code
        assert path in PUBLIC or (method, path, status) == (method, path, 401)
    assert {shared.stranger.get(path).status_code for path in PUBLIC} == {200}


@pytest.mark.parametrize(
    "shown",
    [
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Basic %"},
        {"Cookie": "taffy-7860=anna.9999999999.x"},
        {"Cookie": "taffy-7860=local.9999999999.x; \xff=1"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
    ],
)
def test_what_is_not_right_opens_nothing(shared: Shared, routes: list[tuple[str, str]], shown: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in shown.items()}
    for method, path in routes[::7]:
        if path not in PUBLIC:
            assert shared.stranger.request(method, path, headers=raw).status_code == 401  # type: ignore[arg-type]


@pytest.mark.parametrize("headers", FOREIGN)
def test_foreign_hosts_and_pages_get_403_from_every_route_also_with_a_password(
    shared: Shared, routes: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    for method, path in routes:
        assert (path, shared["anna"].request(method, path, headers=headers).status_code) == (path, 403)


def test_only_the_names_of_this_server_are_answered(shared: Shared) -> None:
    for host in ("taffy.example.com", "localhost:7860", "127.0.0.1"):
        assert shared["ben"].get("/people/me", headers={"host": host}).status_code == 200
    for host in ("127.0.0.2", "192.168.1.77:7860", "example.com", "x.taffy.example.com"):
        assert shared["ben"].get("/people/me", headers={"host": host}).status_code == 403


def test_a_person_sees_the_login_page_and_a_program_a_sentence(shared: Shared) -> None:
    page = shared.stranger.get("/", headers={"accept": "text/html"})
    assert (page.status_code, "<form" in page.text, "script" in page.text) == (401, True, False)
    told = shared.stranger.get("/jobs")
    assert (told.status_code, "Log in first" in told.text) == (401, True)
    assert told.headers["www-authenticate"].startswith("Bearer")


def test_logging_in_gives_a_cookie_that_scripts_cannot_read(shared: Shared) -> None:
    with httpx.Client(base_url=shared.url) as browser:
        answer = browser.post("/login", data={"name": "ben", "password": WORD})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        flags = answer.headers["set-cookie"]
        assert all(flag in flags for flag in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age="))
        assert "Secure" not in flags
        assert WORD not in flags
        assert browser.get("/people/me").json()["name"] == "ben"
        browser.post("/logout")
        assert browser.get("/people/me").status_code == 401
        encrypted = browser.post(
            "/login", data={"name": "ben", "password": WORD}, headers={"x-forwarded-proto": "https"}
        )
        assert "Secure" in encrypted.headers["set-cookie"]


def test_wrong_passwords_are_slowed_down_and_the_right_one_then_waits_too(shared: Shared) -> None:
    wrong = {"name": "ben", "password": "wrong horse"}
    assert [shared.stranger.post("/login", data=wrong).status_code for _ in range(EACH)] == [401] * EACH
    answer = shared.stranger.post("/login", data={"name": "ben", "password": WORD})
    assert (answer.status_code, answer.headers["retry-after"] > "0") == (429, True)
    assert shared.stranger.get("/jobs", headers=basic("ben", "wrong horse 2")).status_code == 401


def test_login_answers_any_form_with_a_page(shared: Shared) -> None:
    for body in (b"", b"\xff\xfe=%zz", b"name=x&password=" + b"y" * 5000, b"token=%00"):
        shared.server.app.access.throttle.forgive("127.0.0.1")
        assert shared.stranger.post("/login", content=body).status_code == 401


def test_settings_and_the_link_are_the_owners(shared: Shared) -> None:
    assert shared["ben"].post("/settings", json={"queue_limit": 1}).status_code == 403
    assert shared["ben"].get("/people/link").status_code == 403
    link = shared["anna"].get("/people/link").json()
    assert link["url"].startswith("http://")
    assert "token" not in link["url"]  # Anna logs in with her name
    assert link["qr"].startswith("<svg")


def test_folders_of_this_computer_are_for_the_owner_at_this_computer(shared: Shared, tmp_path: Path) -> None:
    asked = {"request": CAT, "folder": str(tmp_path)}
    assert shared["ben"].post("/batch", json=asked).status_code == 403
    assert shared["anna"].post("/batch", json=asked, headers={"x-forwarded-for": "10.0.0.1"}).status_code == 403
    assert shared["anna"].post("/batch", json=asked, headers={"host": "taffy.example.com"}).status_code == 403
    assert shared["anna"].post("/batch", json=asked).status_code == 422  # no pictures there


def test_health_tells_strangers_no_more_than_that_it_lives(shared: Shared) -> None:
    answer = shared.stranger.get("/healthz")
    assert (answer.status_code, answer.json().keys()) == (200, {"app", "engine"})


def test_a_user_who_is_removed_is_out_at_once(shared: Shared) -> None:
    users = shared.server.app.access.users
    users.add("gast", "user", WORD)
    with httpx.Client(base_url=shared.url) as browser:
        browser.post("/login", data={"name": "gast", "password": WORD})
        assert browser.get("/jobs").status_code == 200
        users.remove("gast")
        assert browser.get("/jobs").status_code == 401


@pytest.fixture
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a link and no named users."""
    with started(tmp_path_factory.mktemp("linked"), NoiseConfig(), listen=True) as server:
        yield server


def test_the_link_lets_its_owner_in_and_leaves_no_token_in_the_address(linked: Server) -> None:
    token = linked.app.access.token
    with httpx.Client(base_url=linked.client.base_url) as browser:
        assert browser.get("/people/me").status_code == 401
        answer = browser.get("/login", params={"token": token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert token not in answer.headers["set-cookie"]
        me = browser.get("/people/me").json()
        assert (me["name"], me["role"], me["shared"]) == ("local", "owner", True)
        assert token in browser.get("/people/link").json()["url"]
    assert linked.client.get("/jobs", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_wrong_tries_do_not_keep_out_who_has_the_link(linked: Server) -> None:
    wrong = [linked.client.post("/login", data={"token": "guessed"}).status_code for _ in range(EACH + 1)]
    assert wrong == [401] * EACH + [429]
    assert linked.client.get("/login", params={"token": linked.app.access.token}).status_code == 303
    assert linked.client.post("/login", data={"token": "guessed"}).status_code == 429


def test_a_server_for_its_own_computer_refuses_what_a_proxy_brings(standing: Server) -> None:
    answer = standing.client.get("/jobs", headers={"x-forwarded-for": "203.0.113.5"})
    assert (answer.status_code, "--listen" in answer.text) == (403, True)


def test_without_auth_everybody_is_somebody_and_only_here_the_owner(tmp_path_factory: pytest.TempPathFactory) -> None:
    with started(tmp_path_factory.mktemp("open"), NoiseConfig(), listen=True, no_auth=True) as server:
        roles = [
            server.client.get("/people/me", headers=headers).json()["role"]
            for headers in ({}, {"x-forwarded-for": "10.0.0.7"})
        ]
        assert roles == ["owner", "user"]
