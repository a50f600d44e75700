"""What can be done with waiting jobs and finished pictures, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.api.conftest import Server
from tests.workers import NoiseConfig

CAT = {"prompt": "a cat", "steps": 4, "seed": 7, "width": 32, "height": 32}
SLOW = NoiseConfig(step_seconds=0.02)


def submit(server: Server, **values: Any) -> str:
    id: str = server.client.post("/jobs", json=CAT | values).json()["id"]
    return id


def move(server: Server, job_id: str, body: object) -> httpx.Response:
    return server.client.post(f"/jobs/{job_id}/move", json=body)


def test_a_waiting_job_moves_up_and_is_made_first(serve: Callable[..., Server]) -> None:
    server = serve(SLOW)
    first = submit(server, steps=100)
    second, third = submit(server), submit(server)
    assert move(server, third, {"before": second}).status_code == 200
    assert [job.id for job in server.app.queue.journal.waiting()] == [third, second]
    server.client.post(f"/jobs/{first}/cancel")
    server.ended(second)
    assert [job.id for job in server.app.queue.journal.recent("local", 2)] == [second, third]


def test_a_job_that_has_ended_cannot_be_moved(server: Server) -> None:
    id = submit(server)
    server.ended(id)
    answer = move(server, id, {"before": None})
    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "this job does not wait any more, so it cannot be moved",
    )
    assert move(server, "nobody", {"before": None}).status_code == 404


def test_a_job_that_takes_the_place_of_another_comes_first_and_the_other_leaves_the_list(
    serve: Callable[..., Server],
) -> None:
    server = serve(SLOW)
    long, waits = submit(server, steps=100), submit(server)
    live = server.client.post("/jobs", params={"instead_of": ""}, json=CAT).json()["id"]
    assert [job.id for job in server.app.queue.journal.waiting()] == [live, waits]
    newer = server.client.post("/jobs", params={"instead_of": live}, json=CAT).json()["id"]
    assert [job.id for job in server.app.queue.journal.waiting()] == [newer, waits]
    assert server.client.get(f"/jobs/{live}").status_code == 404
    server.client.post(f"/jobs/{long}/cancel")
    assert server.ended(newer)["state"] == "done"


def test_a_running_job_that_is_taken_back_leaves_the_worker_for_the_next(serve: Callable[..., Server]) -> None:
    server = serve(SLOW)
    first = submit(server, steps=150)
    second = server.client.post("/jobs", params={"instead_of": first}, json=CAT).json()["id"]
    assert server.ended(second)["state"] == "done"
    assert [job["id"] for job in server.client.get("/jobs").json()] == [second]


def test_jobs_that_ended_are_listed_page_by_page(server: Server) -> None:
    ids = [submit(server) for _ in range(3)]
    for id in ids:
        server.ended(id)
    newest = server.client.get("/jobs", params={"count": 1}).json()
    assert [job["id"] for job in newest] == [ids[2]]
    older = server.client.get("/jobs", params={"before": ids[2]}).json()
    assert [job["id"] for job in older] == [ids[1], ids[0]]
    assert server.client.get("/jobs", params={"before": ids[0]}).json() == []
    assert server.client.get("/jobs", params={"since": 1e12}).json() == []


def test_what_was_measured_says_how_many_pictures_are_usual(server: Server) -> None:
    question: dict[str, str | int] = {"checkpoint": "tiny", "width": 512, "height": 512, "steps": 20}
    assert server.client.get("/pace", params=question).json() == {"step_seconds": None, "count": 1}
    server.ended(submit(server))
    assert server.client.get("/pace", params=question).json()["count"] == 4


@pytest.mark.parametrize("body", [{}, {"before": 3}, {"before": None, "x": 1}, []])
def test_a_move_that_cannot_be_understood_is_a_sentence(server: Server, body: object) -> None:
    answer = move(server, submit(server), body)
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_a_picture_gives_the_request_that_makes_it_again(server: Server) -> None:
    job = server.ended(submit(server, count=2))
    picture = job["pictures"][1]
    request = server.client.get(f"{picture['url']}/request").json()
    assert (request["seed"], request["count"], request["prompt"]) == (8, 1, "a cat")
    again = server.ended(submit(server, **request))["pictures"][0]
    assert server.client.get(again["url"]).content == server.client.get(picture["url"]).content
    assert server.client.get("/pictures/nobody/request").status_code == 404


def test_a_variation_of_a_picture_is_asked_for_with_its_own_request(server: Server) -> None:
    picture = server.ended(submit(server))["pictures"][0]
    request = server.client.get(f"{picture['url']}/request").json()
    varied = server.ended(submit(server, **(request | {"variation_seed": 99, "variation_strength": 0.15})))
    assert (varied["state"], varied["request"]["seed"], varied["request"]["variation_seed"]) == ("done", 7, 99)


def test_the_film_of_a_job_is_an_animated_webp(server: Server) -> None:
    id = submit(server, steps=6)
    assert server.ended(id)["film"]
    answer = server.client.get(f"/jobs/{id}/film.webp")
    assert answer.headers["content-type"] == "image/webp"
    assert "attachment" in answer.headers["content-disposition"]
    film = Image.open(BytesIO(answer.content))
    assert (film.format, getattr(film, "is_animated", False)) == ("WEBP", True)


def test_a_film_that_is_gone_is_a_sentence(server: Server) -> None:
    id = submit(server)
    server.ended(id)
    server.app.watchers.films._films.clear()
    answer = server.client.get(f"/jobs/{id}/film.webp")
    assert (answer.status_code, "is gone" in answer.json()["error"]) == (404, True)
    assert server.client.get("/jobs/nobody/film.webp").status_code == 404
