"""Models folders that are added while Taffy runs: the lists have them at once, and the worker is told."""

from __future__ import annotations

from pathlib import Path

from modules.choosing import change_machine
from modules.core.task import LookIn
from modules.jobs.questions import news
from tests.app.asking import CAT, ME, Start, ended
from tests.headers import header_only, plain_file


def test_a_folder_that_is_added_is_used_in_place_at_once(start: Start, tmp_path: Path) -> None:
    theirs = tmp_path / "ComfyUI" / "models"
    header_only(theirs / "checkpoints" / "theirs.safetensors")
    plain_file(theirs / "vae" / "fine.safetensors", {"decoder.conv_in.weight": (4, 4, 3, 3)})
    app = start()
    before = app.settings
    change_machine(app, {"models_dir": [str(theirs)]})
    assert "theirs" in [card.name for card in app.checkpoints()]
    assert app.library.vaes.names() == ("fine.safetensors",)
    told = list(news(app.settings, before))
    assert [task.models_dirs for task in told if isinstance(task, LookIn)] == [
        tuple(str(folder) for folder in app.settings.models_dirs)
    ]
    assert ended(app, app.submit(CAT, ME)).state == "done"
    assert sorted(path.name for path in tmp_path.rglob("theirs*")) == ["theirs.safetensors"]  # nothing was copied


def test_settings_that_did_not_change_are_not_told_but_a_new_worker_hears_all(start: Start) -> None:
    app = start()
    assert list(news(app.settings, app.settings)) == []
    assert len(list(news(app.settings))) == 2
