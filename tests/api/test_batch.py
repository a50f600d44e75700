"""One request for many pictures: a job for each that can be read, a reason for each that cannot."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from modules.core.request import GenerationRequest
from modules.gallery.metadata import encode_png
from modules.text.infotext import write_infotext
from tests.api.conftest import Server
from tests.gallery.brought import file_of, noise
from tests.gallery.made_pictures import REQUEST, made
from tests.workers import NoiseConfig

CAT = {"prompt": "a cat", "steps": 2, "seed": 7, "cfg_scale": 3, "width": 32, "height": 32}


def batch(server: Server, **values: Any) -> httpx.Response:
    return server.client.post("/batch", json={"request": CAT, **values})


def brought(server: Server, seed: int) -> str:
    return server.app.inputs.put("local", file_of(noise(32, seed))).id


def told(prompt: str, **values: Any) -> bytes:
    """A picture that says how it was made."""
    return encode_png(made(side=32), write_infotext(GenerationRequest(prompt=prompt, **values), {}), REQUEST)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my pictures"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.png").write_bytes(told("a dog", seed=11, steps=9))
    (folder / "b.jpg").write_bytes(file_of(noise(30), "JPEG"))
    (folder / "c.txt").write_text("not a picture")
    (folder / "d.jpg").write_bytes(file_of(noise(64), "JPEG")[:1500])
    (folder / ".hidden.png").write_bytes(file_of(noise()))
    (folder / "deeper" / "e.png").write_bytes(file_of(noise()))
    return folder


def test_every_picture_becomes_a_job(standing: Server) -> None:
    images = [brought(standing, seed) for seed in (1, 2)]
    answer = batch(standing, inputs=images)
    assert (answer.status_code, answer.json()["refused"]) == (202, [])
    jobs = [standing.ended(id) for id in answer.json()["ids"]]
    assert [(job["state"], job["request"]["image"], job["request"]["prompt"]) for job in jobs] == [
        ("done", images[0], "a cat"),
        ("done", images[1], "a cat"),
    ]


def test_a_folder_is_read_as_far_as_it_can_be(standing: Server, folder: Path) -> None:
    answer = batch(standing, folder=str(folder)).json()
    assert len(answer["ids"]) == 2
    assert {one["name"]: one["reason"][:30] for one in answer["refused"]} == {
        "c.txt": "the file is not a readable pic",
        "d.jpg": "the picture is damaged or cut ",
    }


def test_notes_say_of_which_picture_they_are(standing: Server, folder: Path) -> None:
    request = {"prompt": "a cat", "steps": 2}
    answer = batch(standing, folder=str(folder), request=request, own=["prompt"]).json()
    assert answer["notes"] == [
        "b.jpg: it has no text of its own",
        "b.jpg: painted at 32x32, the next size this checkpoint can make, and cut to 30x30",
    ]


def test_fields_that_are_the_pictures_own_come_from_its_text(standing: Server, folder: Path) -> None:
    ids = batch(standing, folder=str(folder), own=["prompt", "seed", "cfg_scale"]).json()["ids"]
    first, second = (standing.client.get(f"/jobs/{id}").json()["request"] for id in ids)
    assert (first["prompt"], first["seed"], first["cfg_scale"], first["steps"]) == ("a dog", 11, 7, 2)
    assert (second["prompt"], second["seed"], second["cfg_scale"]) == ("a cat", 7, 3)


def test_what_a_text_does_not_say_stays_as_asked(standing: Server) -> None:
    image = standing.app.inputs.put("local", encode_png(made(side=32), "a dog\nSteps: 9, Seed: 4, Size: 8x8", REQUEST))
    (id,) = batch(standing, inputs=[image.id], own=["prompt", "steps", "cfg_scale", "strength"]).json()["ids"]
    request = standing.client.get(f"/jobs/{id}").json()["request"]
    assert (request["prompt"], request["steps"], request["cfg_scale"], request["strength"]) == ("a dog", 9, 3, 0.75)


def test_pictures_are_made_larger_in_a_batch_too(standing: Server, folder: Path) -> None:
    answer = batch(standing, folder=str(folder), request={"kind": "upscale", "scale": 1.5}).json()
    assert [standing.ended(id)["pictures"][0]["width"] for id in answer["ids"]] == [48, 45]


def test_one_that_cannot_be_made_does_not_stop_the_others(standing: Server, folder: Path) -> None:
    (folder / "a.png").write_bytes(told("a dog", sampler="Dreamy"))
    answer = batch(standing, folder=str(folder), own=["sampler"]).json()
    assert len(answer["ids"]) == 1
    assert answer["refused"][0] == {"name": "a.png", "reason": "there is no sampler called 'Dreamy'"}
    answer = batch(standing, inputs=["gone", brought(standing, 1)]).json()
    assert (len(answer["ids"]), answer["refused"][0]["name"]) == (1, "gone")


def test_when_the_queue_is_full_the_rest_is_refused(serve: Callable[..., Server]) -> None:
    server = serve(NoiseConfig(step_seconds=0.05))
    server.app.queue.limit = 2
    answer = batch(server, inputs=[brought(server, seed) for seed in range(5)]).json()
    assert 2 <= len(answer["ids"]) <= 3
    assert len(answer["refused"]) == 5 - len(answer["ids"])
    assert "jobs are waiting already" in answer["refused"][-1]["reason"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "either inputs"),
        ({"inputs": ["a"], "folder": "/"}, "either inputs"),
        ({"folder": "pictures"}, "named from the root of the disk"),
        ({"folder": "/no/such/folder"}, "cannot be read"),
        ({"folder": "/\0"}, "cannot be read"),
        ({"folder": "/etc/hostname"}, "cannot be read"),
        ({"inputs": ["../x"]}, "inputs.0: String should match pattern"),
        ({"inputs": ["a"] * 1001}, "at most 1000"),
        ({"inputs": ["a"], "own": ["image"]}, "own.0 must be"),
        ({"inputs": ["a"], "x": 1}, "x: "),
        ({"inputs": ["a"], "request": 3}, "request: "),
    ],
)
def test_a_batch_that_cannot_be_understood_gets_a_sentence(
    standing: Server, values: dict[str, Any], sentence: str
) -> None:
    answer = batch(standing, **values)
    assert (answer.status_code, sentence in answer.json()["error"]) == (422, True), answer.text


def test_an_empty_folder_is_said_to_be_empty(standing: Server, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = batch(standing, folder=str(tmp_path / "empty"))
    assert answer.json()["error"] == "the folder has 0 files, a batch has 1 to 1000"


def test_files_that_have_no_size_or_too_much_are_not_read(standing: Server, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(10**12)  # takes no room
    answer = batch(standing, folder=str(tmp_path)).json()
    assert [one["name"] for one in answer["refused"]] == ["empty.png", "huge.png"]
    assert all("1 byte to 300 MB" in one["reason"] for one in answer["refused"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc")
def test_files_that_never_end_are_not_read(standing: Server) -> None:
    answer = batch(standing, folder="/proc/self")
    assert answer.status_code == 202
    assert answer.json()["ids"] == []
