"""Style transfer over HTTP: ways with reasons, presets, pictures."""

from __future__ import annotations

import io

from PIL import Image

from tests.api.conftest import Server


def test_every_way_is_listed_and_one_that_cannot_be_gone_says_why(standing: Server) -> None:
    ways = {way["id"]: way for way in standing.client.get("/styles/modes", params={"checkpoint": "tiny"}).json()}
    assert list(ways) == ["colour", "words", "inject", "series", "adapter"]
    assert ways["colour"]["why_not"] == ""
    assert "ip_adapter" in ways["adapter"]["why_not"]


def test_an_unknown_checkpoint_is_refused_with_its_name(standing: Server) -> None:
    answer = standing.client.get("/styles/modes", params={"checkpoint": "nothing"})
    assert answer.status_code == 422
    assert "nothing" in answer.json()["error"]


def test_every_preset_has_words_and_a_strength(standing: Server) -> None:
    presets = standing.client.get("/styles/presets").json()
    assert len(presets) >= 24
    assert all("{prompt}" in preset["prompt"] and 0 < preset["strength"] < 1 for preset in presets)


def test_twelve_style_pictures_come_with_it_and_can_be_brought(standing: Server) -> None:
    listed = standing.client.get("/styles/pictures").json()
    assert len(listed) == 12
    for one in listed:
        answer = standing.client.get(one["url"])
        assert Image.open(io.BytesIO(answer.content)).format == "WEBP"
    brought = standing.client.post("/inputs", content=answer.content, headers={"Content-Type": "image/webp"})
    assert brought.status_code == 201


def test_a_picture_that_is_not_there_is_said(standing: Server) -> None:
    answer = standing.client.get("/styles/pictures/..%2Fpresets")
    assert answer.status_code == 404
    assert standing.client.get("/styles/pictures/nothing").json()["error"] == "there is no style picture 'nothing'"
