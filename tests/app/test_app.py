"""The road of a picture, from a request to the gallery; what is refused, and how it is stopped."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modules.app import App, build
from modules.attention.base import KERNELS
from modules.choosing import with_known_names
from modules.core.errors import BadCheckpoint, BadRequest, BadSetting, NotThere, QueueFull, TaffyError, UnsafeFile
from modules.core.request import GenerationRequest
from modules.core.settings import load_settings
from modules.hooks import Control, Tab, hookimpl
from modules.manager.index import FOLDER
from tests.app.asking import CAT, ME, SLOW, Start, asked, ended, job, stepping, until
from tests.workers import noise_worker


def test_everything_left_open_is_filled_before_the_job_is_kept(app: App) -> None:
    request = asked(app, app.submit(GenerationRequest(), ME))
    card = app.checkpoints()[0]
    assert (request.checkpoint, request.width, request.height) == ("tiny", card.native_size, card.native_size)
    assert request.seed >= 0


def test_an_empty_prompt_is_fine(app: App) -> None:
    assert ended(app, app.submit(replace(CAT, prompt=""), ME)).state == "done"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"width": 33}, "width: tiny makes pictures in multiples of .* got 33"),
        ({"height": 1}, "height: .* at least .* got 1"),
        ({"sampler": "Dreamy"}, "there is no sampler called 'Dreamy'"),
        ({"schedule": "soon"}, "there is no schedule called 'soon'"),
        ({"preview": "3d"}, "there is no preview called '3d'"),
        ({"checkpoint": "gone"}, "there is no checkpoint called 'gone'"),
        ({"vae": "gone"}, "there is no VAE called 'gone'"),
        ({"extras": {"gone.on": True}}, "no extension has a control called 'gone.on'"),
    ],
)
def test_bad_input_gets_a_sentence_and_the_queue_lives_on(app: App, values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        app.submit(replace(CAT, **values), ME)
    assert app.queue.journal.waiting() == ()
    assert ended(app, app.submit(CAT, ME)).state == "done"


@pytest.mark.parametrize(
    ("name", "content", "kind", "sentence"),
    [
        ("empty.safetensors", b"", BadCheckpoint, "empty.safetensors is empty"),
        ("cut.safetensors", b"\xff" + bytes(7) + b"{", BadCheckpoint, "cut"),
        ("renamed.safetensors", b"PK\x03\x04" + bytes(50), BadCheckpoint, "ZIP"),
        ("huge.safetensors", b"\xff" * 8 + b"{}", BadCheckpoint, "at most 16,777,216 are allowed"),
        ("old.ckpt", b"\x80\x02.", UnsafeFile, "can run programs"),
    ],
)
def test_a_broken_checkpoint_is_refused_with_its_reason(
    start: Start, tmp_path: Path, models: Path, name: str, content: bytes, kind: type[TaffyError], sentence: str
) -> None:
    folder = tmp_path / "more" / FOLDER
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    app = start(models_dirs=(models, tmp_path / "more"))
    with pytest.raises(kind, match=sentence):
        app.submit(replace(CAT, checkpoint=Path(name).stem), ME)
    assert [card.name for card in app.checkpoints()] == ["tiny"]


def test_without_a_checkpoint_the_advice_says_where_to_put_one(start: Start, tmp_path: Path) -> None:
    app = start(models_dirs=(tmp_path / "empty",))
    with pytest.raises(BadCheckpoint, match="no checkpoint yet") as refused:
        app.submit(CAT, ME)
    assert str(tmp_path / "empty" / FOLDER) in refused.value.advice
    until(lambda: app.watchers.worker.state == "ready")


def test_the_checkpoint_asked_for_at_the_start_is_the_default(start: Start, tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "more" / FOLDER
    folder.mkdir(parents=True)
    for name in ("another", "the starter"):
        (folder / f"{name}.safetensors").symlink_to(models / FOLDER / "tiny.safetensors")
    both = (models, tmp_path / "more")
    assert [card.name for card in start(models_dirs=both).checkpoints()] == ["the starter", "another", "tiny"]
    app = start(models_dirs=both, ckpt="TINY.safetensors")
    assert [card.name for card in app.checkpoints()] == ["tiny", "the starter", "another"]
    assert asked(app, app.submit(CAT, ME)).checkpoint == "tiny"


def test_names_from_the_command_line_are_checked_at_once(start: Start) -> None:
    with pytest.raises(BadSetting, match=r"--preview is '3d', allowed is automatic or off or"):
        start(preview="3d")
    with pytest.raises(BadSetting, match=r"--attention is 'flashy', allowed is automatic or .*sdpa"):
        start(attention="flashy")


def test_a_name_in_the_settings_file_that_an_extension_had_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "settings.toml").write_text('attention = "theirs"\npreview = "theirs"\n')
    settings = load_settings(["--data-dir", str(tmp_path)], {})
    assert with_known_names(settings) == replace(settings, attention="automatic", preview="automatic")
    assert "--attention is 'theirs', allowed is automatic or" in caplog.text
    with pytest.raises(BadSetting, match="'theirs'"):
        with_known_names(load_settings(["--data-dir", str(tmp_path), "--attention", "theirs"], {}))


def test_a_name_that_an_extension_had_at_the_last_start_is_known_at_this_one(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "names.json").write_text('{"kernels": ["theirs"]}')
    try:
        app = build(load_settings(["--data-dir", str(tmp_path), "--attention", "theirs"], {}))
        app.queue.journal.close()
        app.gallery.close()
        assert app.settings.attention == "theirs"
    finally:
        KERNELS.remove("theirs")


def test_the_preview_of_the_command_line_is_what_automatic_means(start: Start) -> None:
    app = start(preview="linear")
    assert asked(app, app.submit(CAT, ME)).preview == "linear"
    assert asked(app, app.submit(replace(CAT, preview="off"), ME)).preview == "off"


def test_one_owner_cannot_fill_the_queue_for_ever(start: Start) -> None:
    app = start(noise_worker(SLOW), queue_limit=2)
    app.submit(replace(CAT, steps=150), ME)
    until(lambda: app.view(ME))
    app.submit(CAT, ME)
    app.submit(CAT, ME)
    with pytest.raises(QueueFull, match="2 jobs"):
        app.submit(CAT, ME)


# A picture


def test_a_job_ends_in_the_gallery_with_the_request_of_each_picture(app: App) -> None:
    id = app.submit(replace(CAT, count=3, batch_size=2), ME)
    assert ended(app, id).state == "done"
    saved = app.gallery.of_job(id, ME)
    assert [(picture.index, picture.seed) for picture in saved] == [(0, 7), (1, 8), (2, 9)]
    assert saved[2].request == replace(asked(app, id), seed=9, count=1, batch_size=1)
    assert all(app.gallery.file(picture.id, ME).is_file() for picture in saved)


def test_a_failed_job_says_why_and_the_next_one_works(app: App) -> None:
    failed = ended(app, app.submit(replace(CAT, prompt="fail"), ME))
    assert (failed.state, failed.error, failed.advice) == ("failed", "asked to fail", "ask for something else")
    assert ended(app, app.submit(CAT, ME)).state == "done"


def test_extensions_hear_of_every_picture_and_their_controls_travel_in_the_extras(app: App) -> None:
    heard: list[tuple[str, GenerationRequest]] = []

    class Plugin:
        @hookimpl
        def tabs(self) -> list[Tab]:
            return [Tab("txt2img", "txt2img", 1, lambda page: None)]

        @hookimpl
        def controls(self, tab: str) -> list[Control]:
            return [Control("on", "On", "checkbox", default=False)]

        @hookimpl
        def after_save(self, picture_id: str, request: GenerationRequest) -> None:
            heard.append((picture_id, request))

    app.host.register(Plugin(), "listener")
    id = app.submit(replace(CAT, count=2, extras={"listener.on": True}), ME)
    assert ended(app, id).state == "done"
    assert heard == [(picture.id, picture.request) for picture in app.gallery.of_job(id, ME)]
    assert heard[1][1].extras == {"listener.on": True}


def test_a_full_disk_while_saving_stops_the_job_and_leaves_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start(noise_worker(SLOW))

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        failed = ended(app, app.submit(replace(CAT, count=64, steps=20), ME))  # 25 s, were it not stopped
    assert failed.state == "failed"
    assert "No space left" in failed.error
    assert "disk" in failed.advice
    assert [path for path in (app.settings.data_dir / "outputs").rglob("*") if path.is_file()] == []
    assert ended(app, app.submit(CAT, ME)).state == "done"


def test_an_error_of_our_own_fails_one_job_only(app: App) -> None:
    class Broken:
        @hookimpl
        def after_save(self, picture_id: str, request: GenerationRequest) -> None:
            if request.prompt == "trip":
                raise RuntimeError("a bug")

    app.host.register(Broken(), "broken")  # built-in plugins are not isolated
    failed = ended(app, app.submit(replace(CAT, prompt="trip"), ME))
    assert (failed.state, failed.error) == ("failed", "something went wrong inside: a bug")
    assert ended(app, app.submit(CAT, ME)).state == "done"


# Stopping


def test_cancel_stops_a_running_job_within_a_step(start: Start) -> None:
    app = start(noise_worker(SLOW))
    id = app.submit(replace(CAT, steps=150), ME)
    until(lambda: stepping(app))
    app.cancel(id, ME)
    assert job(app, id).state == "cancelled"
    assert app.view(ME) is None  # at once, whatever the worker still does
    assert ended(app, app.submit(CAT, ME)).state == "done"
    assert app.gallery.of_job(id, ME) == ()


def test_cancel_takes_a_waiting_job_out_of_the_line(start: Start) -> None:
    app = start(noise_worker(SLOW))
    app.submit(replace(CAT, steps=20), ME)
    waiting, last = app.submit(CAT, ME), app.submit(CAT, ME)
    app.cancel(waiting, ME)
    assert ended(app, last).state == "done"
    assert job(app, waiting).state == "cancelled"
    assert app.gallery.of_job(waiting, ME) == ()


def test_pictures_made_before_a_stop_are_kept(start: Start) -> None:
    app = start(noise_worker(SLOW))
    id = app.submit(replace(CAT, count=64), ME)
    until(lambda: len(app.gallery.of_job(id, ME)) >= 2)
    app.cancel(id, ME)
    assert 2 <= len(app.gallery.of_job(id, ME)) < 64


def test_nobody_stops_somebody_elses_job(start: Start) -> None:
    app = start(noise_worker(SLOW))
    id = app.submit(CAT, "anna")
    with pytest.raises(NotThere):
        app.cancel(id, "ben")
