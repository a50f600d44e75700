"""Shared with `--listen`: strangers get nothing, people get their own, the owner gets all."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from modules.api.entry import PUBLIC
from modules.api.guard import Guard
from modules.api.server import make_server
from modules.people.throttle import EACH
from modules.ui.page import mount
from tests.api.conftest import Server, serving, started
from tests.api.routes import every_route, filled
from tests.gallery.brought import file_of, noise
from tests.workers import NoiseConfig

WORD = "correct horse"
CAT = {"prompt": "a cat", "steps": 2, "seed": 7, "width": 32, "height": 32}
FOREIGN = {"host": "evil.example.com"}, {"origin": "http://evil.example.com"}, {"origin": "null"}


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


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with ExitStack() as ending:
        folder = tmp_path_factory.mktemp("shared")
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


@pytest.fixture(autouse=True)
def patient(shared: Shared) -> None:
    """Tries of other tests do not count."""
    shared.server.app.access.throttle.forgive("127.0.0.1")


def basic(name: str, password: str = WORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture(scope="module")
def routes(shared: Shared) -> list[tuple[str, str]]:
    found = every_route(shared.guard, shared.server.app)
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


def test_nobody_reads_another_ones_job_picture_or_preview_by_its_id(shared: Shared) -> None:
    job, picture = shared.made("ben")
    brought = (
        shared["ben"].post("/inputs", content=file_of(noise()), headers={"content-type": "image/png"}).json()["id"]
    )
    paths = [f"/jobs/{job}", f"/jobs/{job}/film.webp", f"/jobs/{job}/preview", f"/pictures/{picture}"]
    paths += [
        f"/pictures/{picture}/request",
        f"/pictures/{picture}/history",
        f"/inputs/{brought}",
        f"/inputs/{brought}/about",
    ]
    for path in paths:
        answers = {name: shared[name].get(path).status_code for name in ("ben", "anna", "eve", "dora")}
        assert answers["eve"] == answers["dora"] == 404, path
        assert path.endswith("preview") or answers["ben"] == answers["anna"] == 200, path
    for act in ("cancel", "repeat"):
        assert shared["eve"].post(f"/jobs/{job}/{act}").status_code == 404
    assert shared["eve"].post("/inputs", json={"picture": picture}).status_code == 404
    assert shared["eve"].post("/jobs", json=CAT | {"image": brought}).status_code == 422
    assert shared["eve"].post(f"/jobs/{job}/move", json={"before": None}).status_code == 404


def test_lists_hold_ones_own_and_the_owner_can_ask_for_others(shared: Shared) -> None:
    bens, eves = shared.made("ben")[0], shared.made("eve")[0]
    ids = {name: {job["id"] for job in shared[name].get("/jobs").json()} for name in ("ben", "eve", "anna")}
    assert (bens in ids["ben"], eves in ids["ben"], bens in ids["eve"]) == (True, False, False)
    assert not {bens, eves} & ids["anna"]
    assert bens in {job["id"] for job in shared["anna"].get("/jobs", params={"owner": "ben"}).json()}
    assert bens not in {job["id"] for job in shared["eve"].get("/jobs", params={"owner": "ben"}).json()}


def state(shared: Shared, name: str) -> dict[str, Any]:
    with shared[name].stream("GET", "/jobs/stream") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                found: dict[str, Any] = json.loads(line[6:])
                return found
    raise AssertionError("the stream ended")


def test_everybody_sees_their_own_place_in_the_line_and_the_owner_sees_all(shared: Shared) -> None:
    running = shared["ben"].post("/jobs", json=CAT | {"steps": 150}).json()["id"]
    bens = shared["ben"].post("/jobs", json=CAT).json()["id"]
    eves = shared["eve"].post("/jobs", json=CAT).json()["id"]
    places = {name: [(job["id"], job["position"]) for job in state(shared, name)["waiting"]] for name in ("ben", "eve")}
    assert places == {"ben": [(bens, 2)], "eve": [(eves, 1)]}  # it is Eve's turn: Ben has just had his
    seen = state(shared, "anna")
    assert [(job["id"], job["owner"]) for job in seen["waiting"]] == [(eves, "eve"), (bens, "ben")]
    assert (seen["running"], [(job["id"], job["owner"]) for job in seen["others"]]) == (None, [(running, "ben")])
    assert state(shared, "eve")["others"] == []
    assert shared["anna"].post(f"/jobs/{running}/cancel").status_code == 200
    assert shared.ended("ben", running)["state"] == "cancelled"
    shared.ended("ben", bens)
    shared.ended("eve", eves)


def test_the_running_preview_is_for_its_owner(shared: Shared) -> None:
    running = shared["ben"].post("/jobs", json=CAT | {"steps": 150}).json()["id"]
    until = time.monotonic() + 20
    while (mine := shared["ben"].get(f"/jobs/{running}/preview")).status_code != 200:
        assert time.monotonic() < until
    assert mine.headers["content-type"] == "image/jpeg"
    assert shared["anna"].get(f"/jobs/{running}/preview").status_code == 200
    assert shared["eve"].get(f"/jobs/{running}/preview").status_code == 404
    assert "frame" not in next(iter(shared_lines(shared, "eve", 2)))
    shared["ben"].post(f"/jobs/{running}/cancel")
    shared.ended("ben", running)


def shared_lines(shared: Shared, name: str, count: int) -> Iterator[str]:
    with shared[name].stream("GET", "/jobs/stream") as stream:
        lines = stream.iter_lines()
        yield "\n".join(next(lines) for _ in range(count))


def test_resting_stops_ones_own_line_and_only_the_owner_stops_everybodys(shared: Shared) -> None:
    assert shared["ben"].post("/jobs/pause", json={"paused": True, "everybody": True}).status_code == 403
    shared["ben"].post("/jobs/pause", json={"paused": True})
    bens = shared["ben"].post("/jobs", json=CAT).json()["id"]
    shared.made("eve")
    assert shared["ben"].get(f"/jobs/{bens}").json()["state"] == "waiting"
    assert [(job["rests"], job["seconds"]) for job in state(shared, "ben")["waiting"]] == [(True, None)]
    shared["ben"].post("/jobs/pause", json={"paused": False})
    assert shared.ended("ben", bens)["state"] == "done"


def test_cancelling_all_means_ones_own(shared: Shared) -> None:
    shared["anna"].post("/jobs/pause", json={"paused": True, "everybody": True})
    mine = [shared["ben"].post("/jobs", json=CAT).json()["id"] for _ in range(3)]
    hers = shared["eve"].post("/jobs", json=CAT).json()["id"]
    assert shared["ben"].post("/jobs/cancel", json={}).json() == {"cancelled": 3}
    assert {shared["ben"].get(f"/jobs/{id}").json()["state"] for id in mine} == {"cancelled"}
    assert shared["eve"].get(f"/jobs/{hers}").json()["state"] == "waiting"
    assert shared["eve"].post("/jobs/cancel", json={"everybody": True}).status_code == 403
    assert shared["anna"].post("/jobs/cancel", json={"everybody": True}).json() == {"cancelled": 1}
    shared["anna"].post("/jobs/pause", json={"paused": False, "everybody": True})


def test_repeating_makes_another_picture_of_what_is_done_and_the_same_of_what_failed(shared: Shared) -> None:
    done, _ = shared.made("ben")
    failed = shared["ben"].post("/jobs", json=CAT | {"prompt": "fail", "steps": 3}).json()["id"]
    assert shared.ended("ben", failed)["state"] == "failed"
    seeds = []
    for id in (done, failed):
        again = shared["ben"].post(f"/jobs/{id}/repeat").json()["id"]
        seeds.append(shared.ended("ben", again)["request"]["seed"])
    assert seeds[0] != CAT["seed"]
    assert seeds[1] == CAT["seed"]


def test_a_viewer_looks_at_what_the_owner_makes_and_changes_nothing(shared: Shared) -> None:
    job, picture = shared.made("anna")
    assert shared["dora"].get(f"/pictures/{picture}").status_code == 200
    assert job in {one["id"] for one in state(shared, "dora")["recent"]}
    changes = [("/jobs", CAT), ("/jobs/cancel", {}), ("/jobs/pause", {}), ("/settings", {}), ("/batch", {})]
    changes += [
        (f"/jobs/{job}/cancel", {}),
        (f"/jobs/{job}/repeat", {}),
        ("/inputs", {"picture": picture}),
        ("/look", CAT),
    ]
    for path, body in changes:
        answer = shared["dora"].post(path, json=body)
        assert (path, answer.status_code, "Viewers look" in answer.text) == (path, 403, True)
    assert shared["dora"].post("/gradio_api/upload", files={"files": b"x"}).status_code == 403


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
