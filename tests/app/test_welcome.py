"""The first start: a picture is being born before anybody asked, once in the life of a data folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modules.manager.index import FOLDER
from tests import headers
from tests.app.asking import CAT, ME, Start, asked, ended, until


@pytest.fixture
def teaching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with a checkpoint whose card has examples."""
    record: dict[str, Any] = headers.RECORD | {"card": {"examples": ["a castle", "a cat"]}}
    monkeypatch.setattr(headers, "RECORD", json.loads(json.dumps(record)))
    headers.header_only(tmp_path / "teaching" / FOLDER / "tiny.safetensors")
    return tmp_path / "teaching"


def test_the_first_start_makes_the_first_example_and_prints_where_it_is(
    start: Start, teaching: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = start(models_dirs=(teaching,))
    until(lambda: app.queue.journal.recent(ME, 1))
    (job,) = app.queue.journal.recent(ME, 5)
    request = asked(app, job.id)
    assert (request.prompt, request.steps, job.state) == ("a castle", 4, "done")
    (saved,) = app.gallery.newest(ME, 5)
    assert f"The first picture is {app.gallery.file(saved.id, ME)}" in capsys.readouterr().out


def test_the_second_start_makes_nothing(start: Start, teaching: Path) -> None:
    app = start(models_dirs=(teaching,))
    until(lambda: app.queue.journal.recent(ME, 1))
    app = start(models_dirs=(teaching,))
    assert app.queue.journal.waiting() == ()
    assert len(app.queue.journal.recent(ME, 5)) == 1


def test_a_folder_in_use_is_not_welcomed_when_a_starter_arrives(start: Start, teaching: Path) -> None:
    app = start()
    assert ended(app, app.submit(CAT, ME)).state == "done"
    app = start(models_dirs=(teaching,))
    assert len(app.queue.journal.recent(ME, 5)) == 1


def test_without_a_checkpoint_or_its_examples_there_is_nothing_to_make(start: Start, tmp_path: Path) -> None:
    assert start().queue.journal.is_new()
    assert start(models_dirs=(tmp_path / "none",)).queue.journal.is_new()
