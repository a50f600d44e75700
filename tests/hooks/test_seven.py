"""Seven extensions in one running app, six of them broken in their own way: each is named, the seventh works."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modules.app import App, build
from modules.core.people import LOCAL_OWNER
from modules.core.request import GenerationRequest
from modules.core.settings import Settings
from tests.hooks.writing import extension, manifest
from tests.workers import Installed

REQUEST = GenerationRequest("a cat", width=64, height=64, steps=4, cfg_scale=1)
PATIENCE = 120.0  # seconds; the machine may be busy
HANGS = """
    import time
    @hookimpl
    def after_step(state):
        while state.request.prompt == "hang":
            time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("seven")
    extension(folder, "at-import", front="import no_such_package")
    extension(folder, "in-front", front="@hookimpl\ndef after_save(picture_id): raise RuntimeError('front')")
    extension(folder, "in-worker", engine="@hookimpl\ndef after_step(state): raise RuntimeError('worker')")
    extension(folder, "hangs", engine=HANGS)
    manifest(folder, "needs", requirements=("no-such-package-of-this-name>=1",))
    manifest(folder, "newer", api=">=2")
    mark = "@hookimpl\ndef after_save(picture_id, desk): (desk.folder / picture_id).touch()"
    extension(folder, "works", front=mark, engine="@hookimpl\ndef after_decode(image): return image.rotate(180)")
    data = folder / "data"
    values = {"use_cpu": True, "threads": 1, "precision": "fp32", "hook_seconds": 3}
    settings = Settings(data_dir=data, models_dirs=(tiny_models,), extensions_dirs=(folder,), ckpt="tiny", **values)  # type: ignore[arg-type]
    app = replace(build(settings), packages=Installed())
    app.queue.journal.add(REQUEST, "somebody")  # the newcomer's first picture is not needed here
    app.start()
    yield app
    app.close()


def ended(app: App, prompt: str = "a cat") -> str:
    """Make a picture; how that ended, with its error."""
    id = app.submit(replace(REQUEST, prompt=prompt), LOCAL_OWNER)
    until = time.monotonic() + PATIENCE
    while (job := app.queue.journal.get(id, LOCAL_OWNER)).state in {"waiting", "running"}:
        assert time.monotonic() < until, app.watchers.worker
        time.sleep(0.05)
    return f"{job.state} {job.error}".strip()


def told(app: App, name: str) -> str:
    return " ".join(fault.message for fault in app.extending.faults() if fault.extension == name)


def test_a_picture_is_made_and_each_that_is_broken_is_named(app: App) -> None:
    assert ended(app) == "done"
    assert "ModuleNotFoundError" in told(app, "at-import")
    assert "RuntimeError: front" in told(app, "in-front")
    assert "RuntimeError: worker" in told(app, "in-worker")
    assert "no-such-package-of-this-name" in told(app, "needs")
    assert "needs the extension API >=2" in told(app, "newer")
    assert told(app, "hangs") == told(app, "works") == ""


def test_the_seventh_works_in_both_halves(app: App) -> None:
    assert ended(app) == "done"
    (newest,) = app.gallery.newest(LOCAL_OWNER, 1)
    assert (app.desk("works").folder / newest.id).exists()


def test_three_faults_in_a_row_switch_an_extension_off(app: App) -> None:
    assert "in-worker" in app.extending.book.off
    assert "switched off" in told(app, "in-worker")
    for _ in range(3):
        assert ended(app) == "done"
    assert "in-front" in app.extending.book.off


def test_a_hook_that_hangs_fails_its_job_and_the_next_one_is_made(app: App) -> None:
    before = app.worker.pid  # type: ignore[attr-defined]
    assert "the extension 'hangs' failed in after_step: it took more than 3 seconds" in ended(app, "hang")
    assert "hangs" in app.extending.book.off
    assert ended(app) == "done"
    assert app.worker.pid != before  # type: ignore[attr-defined]
    assert ended(app, "hang") == "done"
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)
