"""What each word weighs: ordinary jobs without it, ranked by how far their pictures are from the whole one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from extensions.inside.difference import difference, lab
from extensions.inside.weights import weigh, weights
from modules.app import App
from modules.core.errors import BadRequest, NotThere
from modules.hooks import Call, Desk
from tests.app.asking import ME, ended
from tests.extensions.inside.test_inside_front import app, asked, made

__all__ = ["app"]


def test_a_word_is_left_out_by_a_job_with_the_same_seed(app: App) -> None:
    (picture,) = made(app, seed=60, steps=3)
    (known,) = asked(app, "GET", "weights", picture=picture.id)
    assert known == {"words": [{"word": "a", "usual": False}, {"word": "cat", "usual": True}], "left": []}
    (told,) = asked(app, "POST", "weigh", body={"picture": picture.id, "words": [0, 1]})
    jobs = [one["job"] for one in told["left"]]
    assert [ended(app, job).state for job in jobs] == ["done", "done"]
    desk = app.desk("inside")
    requests = [desk.job(job, ME).pictures[0].request for job in jobs]
    assert [(one.prompt, one.seed, one.parent) for one in requests if one] == [
        ("cat", 60, picture.id),
        ("a", 60, picture.id),
    ]
    (known,) = asked(app, "GET", "weights", picture=picture.id)
    assert all(one["distance"] > 0 and one["map"].startswith("data:") for one in known["left"])
    (again,) = asked(app, "GET", "weights", picture=picture.id)
    assert again == known


def test_those_that_wait_are_stopped_together(app: App) -> None:
    (picture,) = made(app, seed=61, steps=3)
    app.queue.pause(ME, True)
    (told,) = asked(app, "POST", "weigh", body={"picture": picture.id, "words": [0, 1]})
    assert [one["state"] for one in told["left"]] == ["waiting", "waiting"]
    (told,) = asked(app, "POST", "weigh-stop", body={"picture": picture.id})
    app.queue.pause(ME, False)
    assert [one["state"] for one in told["left"]] == ["cancelled", "cancelled"]


class Meanwhile:
    """A desk on which something else happens, once, while a picture is read."""

    def __init__(self, desk: Desk, happens: Callable[[], object]) -> None:
        self._desk = desk
        self._happens = [happens]

    def png(self, picture: str, owner: str) -> bytes:
        if self._happens:
            self._happens.pop()()
        return self._desk.png(picture, owner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)


def test_a_word_that_is_left_out_while_another_one_is_measured_is_not_forgotten(app: App) -> None:
    (picture,) = made(app, seed=64, steps=1)
    (told,) = asked(app, "POST", "weigh", body={"picture": picture.id, "words": [0]})
    ended(app, told["left"][0]["job"])
    body = json.dumps({"picture": picture.id, "words": [1]}).encode()
    meanwhile = Meanwhile(app.desk("inside"), lambda: weigh(Call(ME, {}, body), app.desk("inside")))
    weights(Call(ME, {"picture": picture.id}, b""), cast("Desk", meanwhile))
    (known,) = asked(app, "GET", "weights", picture=picture.id)
    assert [one["word"] for one in known["left"]] == ["a", "cat"]


@pytest.mark.parametrize("words", [[], [2], ["cat"], None, [-1]])
def test_words_that_are_not_there_are_refused(app: App, words: object) -> None:
    (picture,) = made(app, seed=62, steps=1)
    with pytest.raises(BadRequest, match="words"):
        asked(app, "POST", "weigh", body={"picture": picture.id, "words": words})


def test_words_of_others_pictures_are_their_own(app: App) -> None:
    (picture,) = made(app, seed=63, steps=1)
    with pytest.raises(NotThere):
        asked(app, "GET", "weights", owner="somebody", picture=picture.id)


def test_equal_pictures_do_not_differ_and_black_from_white_differs_by_a_hundred() -> None:
    black, white = (Image.new("RGB", (8, 8), colour) for colour in ("black", "white"))
    assert (difference(black, black).mean, difference(black, black).psnr) == (0, None)
    assert difference(black, white).mean == pytest.approx(100, abs=0.01)
    assert difference(black, white).psnr == pytest.approx(0)


def test_lab_is_that_of_the_standard() -> None:
    """Values of Lindbloom's calculator for sRGB and D65."""
    red, grey = lab(np.array([[[255.0, 0, 0]]]))[0, 0], lab(np.array([[[119.0, 119, 119]]]))[0, 0]
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    assert grey == pytest.approx([50.03, 0, 0], abs=0.02)
