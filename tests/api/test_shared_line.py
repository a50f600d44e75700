"""A server for several people: everybody has their own jobs, pictures and previews, and the owner sees all."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.api.sharing import CAT, Shared, state
from tests.gallery.brought import file_of, noise


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
