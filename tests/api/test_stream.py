"""Watching: what a page gets when it comes, while it looks, and after it looked away."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from PIL import Image

from modules.api.view import whole_view
from modules.core.people import Person
from modules.core.request import parse_request
from tests.api.conftest import Server
from tests.workers import NoiseConfig

CAT = {"prompt": "a cat", "steps": 30, "seed": 7, "width": 32, "height": 32}
SLOW = NoiseConfig(step_seconds=0.02)

Told = tuple[str, Any]


@contextmanager
def watching(server: Server) -> Iterator[Iterator[Told]]:
    """(kind, JSON) of the events as they come; ("comment", text) for comments."""
    with server.client.stream("GET", "/jobs/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield told(answer.iter_lines())


def told(lines: Iterator[str]) -> Iterator[Told]:
    kind = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)
        elif line.startswith(":"):
            yield "comment", line


def submit(server: Server, **values: Any) -> str:
    return server.app.submit(parse_request(CAT | values), "local")


def until_done(events: Iterator[Told], job_id: str) -> list[Told]:
    """Everything up to the state that says the job is over."""
    seen: list[Told] = []
    for kind, value in events:
        seen.append((kind, value))
        if kind == "state" and any(job["id"] == job_id for job in value["recent"]):
            return seen
    raise AssertionError("the stream ended")


def test_whoever_comes_gets_the_whole_state_first(server: Server) -> None:
    with watching(server) as events:
        kind, state = next(events)
    assert kind == "state"
    assert state["worker"].keys() == {"state", "message", "done", "total", "seconds_left"}
    assert (state["running"], state["waiting"], state["recent"]) == (None, [], [])


def test_a_running_job_is_seen_step_by_step_then_with_its_picture(serve: Callable[..., Server]) -> None:
    server = serve(SLOW)
    with watching(server) as events:
        id = submit(server, count=2)
        seen = until_done(events, id)
    running = [value["running"] for kind, value in seen if kind == "state" and value["running"]]
    frames = [value for kind, value in seen if kind == "frame"]
    assert all(job["id"] == id and job["steps"] == 30 and job["count"] == 2 for job in running)
    places = [(job["picture"], job["step"]) for job in running]
    assert places == sorted(places)
    assert places[-1][0] == 2
    assert any(job["seconds_left"] for job in running)
    assert any(len(job["pictures"]) == 1 for job in running)  # the first is shown while the second is made
    assert [frame["n"] for frame in frames] == sorted({frame["n"] for frame in frames})
    jpeg = base64.b64decode(frames[-1]["src"].removeprefix("data:image/jpeg;base64,"))
    assert Image.open(BytesIO(jpeg)).size == (frames[-1]["width"], frames[-1]["height"])
    (job,) = seen[-1][1]["recent"]
    assert (job["state"], len(job["pictures"])) == ("done", 2)


def test_frames_come_at_most_eight_times_a_second(serve: Callable[..., Server]) -> None:
    server = serve(NoiseConfig(step_seconds=0.005))
    with watching(server) as events:
        began = time.monotonic()
        seen = until_done(events, submit(server, steps=150))
    frames = [value for kind, value in seen if kind == "frame"]
    assert 2 <= len(frames) <= 8 * (time.monotonic() - began) + 2
    assert len(frames) < 100


def test_waiting_jobs_have_their_place_in_the_line(serve: Callable[..., Server]) -> None:
    server = serve(SLOW)
    first, second, third = (submit(server) for _ in range(3))
    with watching(server) as events:
        state = next(
            value for kind, value in events if kind == "state" and value["running"] and len(value["waiting"]) == 2
        )
    assert state["running"]["id"] == first
    assert [(job["id"], job["position"]) for job in state["waiting"]] == [(second, 1), (third, 2)]


def test_a_reload_finds_the_running_job_and_its_newest_frame(serve: Callable[..., Server]) -> None:
    server = serve(SLOW)
    id = submit(server, steps=100)
    with watching(server) as events:
        left_at = next(value["step"] for kind, value in events if kind == "frame")
    with watching(server) as events:
        kind, state = next(events)
        assert (kind, state["running"]["id"]) == ("state", id)
        kind, frame = next(events)
        assert kind == "frame"
        assert frame["step"] >= left_at


def test_a_failed_job_is_told_with_its_sentence(server: Server) -> None:
    with watching(server) as events:
        seen = until_done(events, submit(server, prompt="fail"))
    (job,) = seen[-1][1]["recent"]
    assert (job["state"], job["error"], job["advice"]) == ("failed", "asked to fail", "ask for something else")


def test_a_stopped_job_is_gone_at_once(serve: Callable[..., Server]) -> None:
    server = serve(SLOW)
    id = submit(server, steps=150)
    with watching(server) as events:
        next(value for kind, value in events if kind == "frame")
        server.client.post(f"/jobs/{id}/cancel")
        seen = until_done(events, id)
    state = seen[-1][1]
    assert (state["running"], state["recent"][0]["state"]) == (None, "cancelled")


def test_silence_is_broken_by_a_heartbeat(serve: Callable[..., Server]) -> None:
    server = serve(heartbeat=0.1)
    with watching(server) as events:
        assert next(kind for kind, _ in events if kind == "comment")


def test_whoever_leaves_is_forgotten(serve: Callable[..., Server]) -> None:
    server = serve(heartbeat=0.05)
    with watching(server) as events:
        next(events)
        assert len(server.app.watchers._subscriptions) == 1
    for _ in range(400):
        if not server.app.watchers._subscriptions:
            return
        time.sleep(0.01)
    raise AssertionError("still attached")


def test_a_stalled_watcher_costs_nobody_anything_and_then_sees_the_newest(serve: Callable[..., Server]) -> None:
    server = serve(NoiseConfig(step_seconds=0.03, frame_side=1024))  # frames of 1.5 MB: the sockets hold a few
    with socket.create_connection(("127.0.0.1", server.port)) as stalled, watching(server) as events:
        stalled.sendall(b"GET /jobs/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        id = submit(server, steps=100)
        seen = until_done(events, id)  # the other one sees all of it
        assert len([kind for kind, _ in seen if kind == "frame"]) > 5
        stalled.settimeout(5)
        late = until_done(told(line.rstrip("\r\n") for line in stalled.makefile(encoding="utf-8")), id)
    frames = [value["n"] for kind, value in late if kind == "frame"]
    assert len(frames) < len([kind for kind, _ in seen if kind == "frame"])
    assert late[-1][1]["recent"][0]["state"] == "done"


def test_nobody_sees_what_others_do(server: Server) -> None:
    id = server.app.submit(parse_request(CAT), "anna")
    while whole_view(server.app, Person("anna", "user"))["recent"] == []:
        time.sleep(0.01)
    assert [job["id"] for job in whole_view(server.app, Person("anna", "user"))["recent"]] == [id]
    view = whole_view(server.app, Person("ben", "user"))
    assert (view["running"], view["waiting"], view["recent"]) == (None, [], [])
