"""What stands on an axis of a grid, and its cells as jobs of a real app."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modules.app import App, build
from modules.core.people import LOCAL_OWNER
from modules.core.settings import Settings
from modules.hooks import BadRequest, Call, GenerationRequest
from modules.hooks.front_host import FrontHost
from tests.workers import Installed, noise_worker

HOST = FrontHost([Path(__file__).parents[2] / "extensions"])
HOST.load()
VALUES: Any = next(module for name, module in sys.modules.items() if name.endswith(".values") and "extension_" in name)
BASE = GenerationRequest("a castle on a hill", width=64, height=64, steps=2)


def labels(field: str, text: str) -> list[str]:
    return [label for label, _ in VALUES.axis(field, text, BASE)]


def test_ranges_count_up_down_and_in_equal_parts() -> None:
    assert labels("steps", "1-10 (+2), 20") == ["1", "3", "5", "7", "9", "20"]
    assert labels("steps", "3-1") == ["3", "2", "1"]
    assert labels("cfg_scale", "0-1 [5]") == ["0.0", "0.25", "0.5", "0.75", "1.0"]
    assert labels("seed", "-1") == ["-1"]


def test_texts_may_have_commas_in_quotes() -> None:
    assert labels("prompt", 'a cat, "a dog, wet"') == ["a cat", "a dog, wet"]
    assert labels("sampler", "Euler, DPM++ 2M") == ["Euler", "DPM++ 2M"]
    assert labels("tiling", "true, false") == ["True", "False"]


def test_a_part_of_the_prompt_is_replaced_and_it_must_be_there() -> None:
    assert [change["prompt"] for _, change in VALUES.axis("prompt S/R", "castle, tower", BASE)] == [
        "a castle on a hill",
        "a tower on a hill",
    ]
    with pytest.raises(BadRequest, match="'ship'"):
        labels("prompt S/R", "ship, boat")


def test_a_matrix_has_every_combination() -> None:
    prompts = [change["prompt"] for _, change in VALUES.axis("prompt matrix", "a cat | wet | at night", BASE)]
    assert prompts == ["a cat", "a cat, wet", "a cat, at night", "a cat, wet, at night"]


def test_prompts_from_a_list_pass_over_remarks() -> None:
    assert labels("prompts", "one\n# no\n\ntwo") == ["one", "two"]


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("steps", "many", "no number"),
        ("steps", "1-9 (-1)", "do not lead"),
        ("colour", "1", "cannot vary"),
        ("steps", "", "1 to"),
    ],
)
def test_what_cannot_be_an_axis_is_said(field: str, text: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        labels(field, text)


@pytest.fixture
def app(tmp_path: Path, tiny_models: Path) -> Iterator[App]:
    settings = Settings(data_dir=tmp_path, models_dirs=(tiny_models,))
    app = replace(build(settings), worker=noise_worker(), packages=Installed())
    app.queue.journal.add(BASE, "somebody")
    app.start()
    yield app
    app.close()


def call(app: App, method: str, path: str, value: object = None, **query: str) -> Any:
    route = app.host.route("grid", method, path)
    reply = app.host.reply(route, Call(LOCAL_OWNER, query, json.dumps(value).encode()), app.desk("grid"))
    assert isinstance(reply.body, bytes)
    return json.loads(reply.body)


def finished(app: App, id: str) -> list[dict[str, str]]:
    until = time.monotonic() + 60
    while True:
        cells: list[dict[str, str]] = call(app, "GET", "cells", id=id)["cells"]
        if not any(cell["state"] in {"planned", "waiting", "running"} for cell in cells):
            return cells
        assert time.monotonic() < until, cells
        time.sleep(0.05)


def start(app: App, *axes: tuple[str, str]) -> str:
    wanted = [{"field": field, "values": values} for field, values in axes]
    request = {"prompt": "a castle", "width": 64, "height": 64, "steps": 2}
    id: str = call(app, "POST", "start", {"request": request, "axes": wanted})["id"]
    return id


def test_every_cell_is_a_picture_of_its_own_with_one_seed_for_all(app: App) -> None:
    cells = finished(app, start(app, ("cfg_scale", "1-2 [2]"), ("prompt S/R", "castle, tower"), ("steps", "2-4 (+2)")))
    requests = [app.desk("grid").picture(cell["picture"], LOCAL_OWNER).request for cell in cells]
    made = [(one.steps, one.prompt, one.cfg_scale) for one in requests if one]
    assert len(cells) == 8
    assert made[:3] == [(2, "a castle", 1.0), (2, "a castle", 2.0), (2, "a tower", 1.0)]
    assert len({one.seed for one in requests if one}) == 1


def test_a_cell_that_fails_leaves_the_others_and_can_be_made_again(app: App) -> None:
    id = start(app, ("prompts", "one\nfail\nthree"), ("width", "64, 63"))
    cells = finished(app, id)
    assert [bool(cell["picture"]) for cell in cells] == [True, False, True, False, False, False]
    assert "asked to fail" in cells[1]["error"]
    assert "multiples" in cells[3]["error"]
    kept = cells[0]["picture"]
    call(app, "POST", "again", {"id": id})
    assert finished(app, id)[0]["picture"] == kept


def test_a_value_that_no_form_would_take_is_said_in_plain_words(app: App) -> None:
    (cell,) = finished(app, start(app, ("steps", "300")))
    assert cell["error"] == "steps must be at most 150, got 300"
    with pytest.raises(BadRequest, match="CFG scale must be at most 100"):
        call(app, "POST", "start", {"request": {"cfg_scale": 900}, "axes": [{"field": "steps", "values": "1"}]})


def test_a_grid_whose_file_is_damaged_does_no_harm_to_the_others(app: App) -> None:
    folder = app.desk("grid").folder
    for name, damage in {"half": '{"id": "half", "cel', "empty": "", "list": "[]"}.items():
        (folder / f"{name}-damaged.json").write_text(damage)
        (folder / f"{name}-damaged.open").touch()
    id = start(app, ("steps", "1-6"))
    assert all(cell["picture"] for cell in finished(app, id))
    assert [grid["id"] for grid in call(app, "GET", "all")] == [id]
    assert [fault.message for fault in app.host.faults if fault.extension == "grid"] == []


def test_a_grid_is_there_after_a_restart_and_its_page_is_served(app: App) -> None:
    id = start(app, ("steps", "1-6"))
    assert [grid["id"] for grid in call(app, "GET", "all")] == [id]
    reply = app.host.reply(app.host.route("grid", "GET", "page"), Call(LOCAL_OWNER, {"id": id}), app.desk("grid"))
    assert isinstance(reply.body, bytes)
    assert id.encode() in reply.body
    assert len(finished(app, id)) == 6


def test_stopping_takes_back_what_waits(app: App) -> None:
    id = start(app, ("steps", "140-150"), ("seed", "1-10"))
    call(app, "POST", "stop", {"id": id})
    assert sum(bool(cell["picture"]) for cell in call(app, "GET", "cells", id=id)["cells"]) < 110
