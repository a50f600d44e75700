"""Pictures that people bring, over HTTP: three ways in, one way out, and jobs and looks that start from them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from modules.api.assets import OURS
from modules.api.guard import MAX_BODY
from modules.gallery import Inputs
from modules.gallery.reading import MAX_BYTES
from tests.api.conftest import Server
from tests.gallery.brought import RED, file_of, noise
from tests.workers import NoiseConfig

CAT = {"prompt": "a cat", "steps": 3, "seed": 7, "width": 32, "height": 32}
PNG = file_of(noise(32))


def bring(server: Server, content: bytes = PNG, kind: str = "image/png") -> httpx.Response:
    return server.client.post("/inputs", content=content, headers={"content-type": kind})


def brought(server: Server, content: bytes = PNG) -> str:
    id: str = bring(server, content).json()["id"]
    return id


def submit(server: Server, **values: Any) -> dict[str, Any]:
    answer: dict[str, Any] = server.client.post("/jobs", json=values).json()
    return answer


def test_a_file_goes_in_as_it_is(standing: Server) -> None:
    answer = bring(standing)
    about = answer.json()
    assert answer.status_code == 201
    assert about == {
        "id": about["id"], "url": f"/inputs/{about['id']}", "width": 32, "height": 32, "has_alpha": False, "notes": [],
        "parent": "", "infotext": "", "fields": {},
    }  # fmt: skip
    picture = standing.client.get(about["url"])
    assert (picture.headers["content-type"], "immutable" in picture.headers["cache-control"]) == ("image/png", True)
    assert Image.open(BytesIO(picture.content)).tobytes() == noise(32).tobytes()
    assert standing.client.get(f"{about['url']}/about").json() == about


def test_a_form_with_a_file_goes_in_too(standing: Server) -> None:
    answer = standing.client.post("/inputs", files={"file": ("cat.bmp", file_of(noise(32), "BMP"), "image/bmp")})
    assert (answer.status_code, answer.json()["width"]) == (201, 32)


def test_a_file_larger_than_other_requests_may_be_goes_in(standing: Server) -> None:
    large = file_of(Image.new("RGB", (3400, 3400), RED), "BMP")
    assert len(large) > MAX_BODY
    assert bring(standing, large, "image/bmp").json()["width"] == 3400
    assert standing.client.post("/jobs", content=large).status_code == 413


def test_a_file_without_anything_in_it_gets_a_sentence(standing: Server) -> None:
    assert "not a readable picture" in bring(standing, b"").json()["error"]


def test_the_page_knows_how_large_a_file_may_be() -> None:
    assert f"MOST_BYTES = {MAX_BYTES:_};" in (OURS / "source-upload.js").read_text()


def test_a_gallery_picture_goes_in_with_its_text_and_as_the_parent(standing: Server) -> None:
    (picture,) = standing.ended(submit(standing, **CAT)["id"])["pictures"]
    about = standing.client.post("/inputs", json={"picture": picture["id"]}).json()
    assert (about["parent"], about["infotext"]) == (picture["id"], picture["infotext"])
    assert (about["fields"]["prompt"], about["fields"]["seed"], "strength" in about["fields"]) == ("a cat", 7, False)


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b"<svg/>", "image/svg+xml", "allowed are PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF"),
        (b"<html>", "image/png", "allowed are PNG"),
        (PNG, "text/html", "a picture cannot come as text/html"),
        (PNG, "", "a picture cannot come as nothing"),
        (PNG[:300], "image/png", "damaged or cut off"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x", "form"),
        (b"--x--", "multipart/form-data; boundary=x", "form"),
        (b"--x--", "multipart/form-data", "form cannot be read"),
        (b"[]", "application/json", "must be a JSON object"),
        (b'{"picture": 3}', "application/json", "named by its id"),
        (b'{"picture": "a", "x": 1}', "application/json", "named by its id"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(standing: Server, content: bytes, kind: str, sentence: str) -> None:
    answer = bring(standing, content, kind)
    assert (answer.status_code, sentence in answer.json()["error"]) == (422, True)


def test_a_form_without_a_file_gets_a_sentence(standing: Server) -> None:
    for form in ({"files": {"other": PNG}}, {"data": {"file": "words"}, "files": {"x": b""}}):
        answer = standing.client.post("/inputs", **form)
        assert (answer.status_code, answer.json()["error"]) == (422, 'the form has no field "file" with a file in it')


def test_a_picture_of_the_gallery_that_is_not_there_is_404(standing: Server) -> None:
    answer = standing.client.post("/inputs", json={"picture": "nobody"})
    assert (answer.status_code, answer.json()["error"]) == (404, "there is no picture 'nobody'")


@pytest.mark.parametrize("id", ["nobody", "..%2f..%2fetc%2fpasswd", "%2e%2e", "..%5c..", "a%00b", "%ff", ".key"])
def test_anything_else_is_not_there(standing: Server, id: str) -> None:
    for url in (f"/inputs/{id}", f"/inputs/{id}/about"):
        assert standing.client.get(url).status_code == 404
    assert "there is no input picture 'nobody'" in standing.client.get("/inputs/nobody").json()["error"]


def test_somebody_elses_picture_is_not_there(standing: Server) -> None:
    hers = standing.app.inputs.put("anna", PNG).id
    assert "no input picture" in submit(standing, **CAT, image=hers)["error"]


def test_pictures_are_unpacked_beside_the_event_loop(standing: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    put = Inputs.put

    def watched(*args: Any, **more: Any) -> Any:
        threads.append(threading.current_thread().name)
        return put(*args, **more)

    monkeypatch.setattr(Inputs, "put", watched)
    bring(standing)
    assert threads[0].startswith("AnyIO worker thread")


def test_a_job_that_starts_from_a_picture_says_what_became_of_its_size(standing: Server) -> None:
    image = brought(standing, file_of(noise(32).crop((0, 0, 32, 30))))
    answer = submit(standing, prompt="a dog", steps=2, image=image)
    assert answer["notes"] == ["painted at 32x32, the next size this checkpoint can make, and cut to 32x30"]
    assert standing.ended(answer["id"])["request"]["image"] == image
    assert submit(standing, **CAT)["notes"] == []


def test_a_picture_is_made_larger(standing: Server) -> None:
    job = standing.ended(submit(standing, kind="upscale", image=brought(standing))["id"])
    assert (job["state"], job["prompt"], job["request"]["kind"]) == ("done", "Upscale 2× with Lanczos", "upscale")
    assert job["pictures"][0]["width"] == 64


@pytest.mark.parametrize("values", [{"kind": "upscale"}, {"kind": "other", "image": "x"}, {"kind": "upscale", "a": 1}])
def test_a_request_of_no_known_kind_gets_a_sentence(standing: Server, values: dict[str, Any]) -> None:
    answer = standing.client.post("/jobs", json=values)
    assert answer.status_code == 422 and answer.json()["error"]


def test_the_history_of_a_picture_can_be_walked(standing: Server) -> None:
    (first,) = standing.ended(submit(standing, **CAT)["id"])["pictures"]
    image = standing.client.post("/inputs", json={"picture": first["id"]}).json()["id"]
    (second,) = standing.ended(submit(standing, **CAT, image=image, origin="vary")["id"])["pictures"]
    (third,) = standing.ended(submit(standing, kind="upscale", image=image, parent=second["id"])["id"])["pictures"]
    history = standing.client.get(f"/pictures/{second['id']}/history").json()
    found = {part: [one["id"] for one in history[part]] for part in ("ancestors", "children")}
    assert found == {"ancestors": [first["id"]], "children": [third["id"]]}
    assert (history["picture"]["origin"], history["children"][0]["origin"]) == ("vary", "upscale")
    assert history["picture"]["url"] == second["url"]
    assert standing.client.get("/pictures/nobody/history").status_code == 404


def test_a_picture_of_fast_mode_and_its_exact_one_say_how_like_they_are(standing: Server) -> None:
    def near(picture: dict[str, Any]) -> float | None:
        found: float | None = standing.client.get(f"{picture['url']}/history").json()["near"]
        return found

    def made(**values: Any) -> dict[str, Any]:
        (picture,) = standing.ended(submit(standing, **{**CAT, "seed": 1, **values})["id"])["pictures"]
        assert isinstance(picture, dict)
        return picture

    fast = made(fast_every=3)
    assert near(fast) is None
    same = made(parent=fast["id"], origin="exact")
    assert near(same) == near(fast) == pytest.approx(1)
    other = made(parent=fast["id"], origin="exact", seed=2)
    assert near(other) == near(fast) < 0.5  # type: ignore[operator]
    assert near(made(parent=fast["id"], origin="vary")) is None


def test_reuse_of_a_picture_from_a_picture_works(standing: Server) -> None:
    (first,) = standing.ended(submit(standing, **CAT, image=brought(standing))["id"])["pictures"]
    request = standing.client.get(f"{first['url']}/request").json()
    (again,) = standing.ended(submit(standing, **request)["id"])["pictures"]
    assert standing.client.get(again["url"]).content == standing.client.get(first["url"]).content


# Looks


def test_a_look_comes_as_two_frames(standing: Server) -> None:
    answer = standing.client.post("/look", json={**CAT, "image": brought(standing)})
    shown = answer.json()
    assert (answer.status_code, list(shown)) == (200, ["round trip", "noised start"])
    assert shown["noised start"].keys() == {"width", "height", "method", "src"}
    assert shown["round trip"]["src"].startswith("data:image/jpeg;base64,")


def test_a_look_without_a_picture_gets_a_sentence(standing: Server) -> None:
    answer = standing.client.post("/look", json=CAT)
    assert (answer.status_code, answer.json()["error"]) == (422, "there is no picture to start from")


def test_a_look_the_engine_has_no_time_for_ends_with_a_sentence(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modules.api.look.LOOK_SECONDS", 0.2)
    server = serve(NoiseConfig(step_seconds=0.02))
    image = brought(server)
    job = submit(server, **{**CAT, "steps": 150})["id"]
    answer = server.client.post("/look", json={**CAT, "image": image})
    assert (answer.status_code, "had no time" in answer.json()["error"]) == (503, True)
    server.client.post(f"/jobs/{job}/cancel")
    assert server.client.post("/look", json={**CAT, "image": image}).status_code == 200
