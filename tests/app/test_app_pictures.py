"""Jobs that start from a picture: what they need is there when their turn comes, also after a restart."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modules.app import App
from modules.cleaning import needed
from modules.core.errors import BadRequest, Busy
from modules.core.request import GenerationRequest
from modules.core.upscaling import UpscaleRequest
from modules.gallery.inputs import UNUSED
from modules.jobs.look import MOST, Frames
from tests.app.asking import CAT, ME, SLOW, Start, ended, job, stepping, until
from tests.gallery.brought import file_of, noise
from tests.workers import noise_process, noise_worker


def put(app: App, owner: str = ME, seed: int = 1) -> str:
    return app.inputs.put(owner, file_of(noise(32, seed))).id


def from_picture(app: App) -> GenerationRequest:
    return replace(CAT, width=0, height=0, image=put(app))


def larger(input_id: str) -> UpscaleRequest:
    return UpscaleRequest("upscale", input_id, upscaler="Nearest", scale=2)


def test_a_picture_is_changed(app: App) -> None:
    id = app.submit(from_picture(app), ME)
    assert ended(app, id).state == "done"
    (saved,) = app.gallery.of_job(id, ME)
    assert (saved.width, saved.height, saved.path.split("/")[1]) == (32, 32, "img2img-images")
    assert "Denoising strength: 0.75" in saved.infotext


def test_a_picture_is_made_larger_with_every_pixel_of_it(app: App) -> None:
    id = app.submit(larger(put(app)), ME)
    assert (ended(app, id).state, job(app, id).title) == ("done", "Upscale 2× with Nearest")
    (saved,) = app.gallery.of_job(id, ME)
    with Image.open(app.gallery.file(saved.id, ME)) as image:
        assert image.convert("RGB").tobytes() == noise(32).resize((64, 64), Image.Resampling.NEAREST).tobytes()


def test_colours_are_transferred_where_there_is_no_checkpoint_at_all(start: Start, tmp_path: Path) -> None:
    app = start(models_dirs=(tmp_path / "empty",))
    asked_for = GenerationRequest(style_mode="colour", image=put(app), style_images=(put(app, seed=2),))
    id = app.submit(asked_for, ME)
    assert ended(app, id).state == "done"
    (saved,) = app.gallery.of_job(id, ME)
    assert (saved.width, saved.height) == (32, 32)


def test_extensions_hear_only_of_pictures_that_have_words(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(type(app.host), "saved", lambda self, id, request: heard.append(id))
    assert ended(app, app.submit(larger(put(app)), ME)).state == "done"
    assert heard == []


@pytest.mark.parametrize("field", ["image", "mask", "style_images"])
def test_a_picture_that_is_not_there_or_somebody_elses_is_refused(app: App, field: str) -> None:
    for id in ("nothing", put(app, owner="anna")):
        values: dict[str, Any] = {"image": put(app), field: (id,) if field == "style_images" else id}
        with pytest.raises(BadRequest, match="there is no input picture"):
            app.submit(replace(CAT, **values), ME)


def test_a_job_with_pictures_survives_a_restart(start: Start) -> None:
    app = start(noise_worker(SLOW))
    running = app.submit(replace(from_picture(app), count=8), ME)
    waiting = [app.submit(from_picture(app), ME), app.submit(larger(put(app)), ME)]
    until(lambda: len(app.gallery.of_job(running, ME)) >= 2)
    app = start()
    assert [ended(app, id).state for id in (running, *waiting)] == ["done"] * 3
    assert len(app.gallery.of_job(running, ME)) == 8


def test_a_job_whose_picture_is_gone_fails_with_a_sentence_and_the_next_one_works(start: Start) -> None:
    app = start(noise_worker(SLOW))
    app.submit(replace(CAT, steps=20), ME)
    request = from_picture(app)
    id = app.submit(request, ME)
    app.inputs.file(request.image, ME).unlink()
    failed = ended(app, id)
    assert (failed.state, failed.error) == ("failed", f"there is no input picture {request.image!r}")
    assert ended(app, app.submit(CAT, ME)).state == "done"


def test_a_variation_cut_off_by_a_crash_goes_on_where_it_was(start: Start) -> None:
    app = start(noise_worker(SLOW))
    id = app.submit(replace(CAT, count=4, variation_seed=100, variation_strength=0.5), ME)
    until(lambda: len(app.gallery.of_job(id, ME)) >= 1)
    app = start()
    assert ended(app, id).state == "done"
    saved = [picture.request for picture in app.gallery.of_job(id, ME)]
    assert [isinstance(one, GenerationRequest) and one.variation_seed for one in saved] == [100, 101, 102, 103]


def test_a_journal_from_before_there_were_pictures_opens(start: Start) -> None:
    app = start(noise_worker(SLOW))
    app.submit(replace(CAT, steps=100), ME)
    id = app.submit(CAT, ME)
    old = {"prompt": "an old one", "steps": 2, "seed": 3, "width": 32, "height": 32, "checkpoint": "tiny"}
    app.queue.journal._db.execute("UPDATE job SET request = ? WHERE id = ?", (json.dumps(old), id))
    app = start()
    assert (ended(app, id).state, job(app, id).title) == ("done", "an old one")


def test_the_picture_of_a_gallery_picture_is_the_parent_of_what_is_made_of_it(app: App) -> None:
    first = app.submit(CAT, ME)
    assert ended(app, first).state == "done"
    (saved,) = app.gallery.of_job(first, ME)
    kept = app.inputs.put(ME, app.gallery.file(saved.id, ME).read_bytes(), parent=saved.id)
    second = app.submit(replace(CAT, image=kept.id, origin="vary"), ME)
    assert ended(app, second).state == "done"
    assert app.gallery.children(saved.id, ME) == app.gallery.of_job(second, ME)


def test_old_pictures_nobody_needs_are_gone_after_enough_starts(start: Start) -> None:
    app = start(noise_worker(SLOW))
    used, waiting, _ = (put(app, seed=seed) for seed in range(3))
    assert ended(app, app.submit(replace(CAT, image=used), ME)).state == "done"
    app.submit(replace(CAT, steps=150), ME)
    app.submit(replace(CAT, image=waiting), ME)
    until((app.settings.data_dir / "inputs" / UNUSED).exists)  # the start's own cleaning is over
    gone = [app.inputs.clean(partial(needed, app), date(2026, 1, 1) + timedelta(day)) for day in range(20)]
    assert sum(gone) == 1
    assert {path.stem for path in app.inputs.file(used, ME).parent.glob("*.png")} == {used, waiting}


# Looks


def frames(answer: Future[Frames]) -> list[str]:
    return list(answer.result(20))


def test_a_look_shows_what_a_request_starts_from(app: App) -> None:
    assert frames(app.look(from_picture(app), ME)) == ["round trip", "noised start"]
    assert app.queue.journal.recent(ME, 5) == ()


def test_a_look_waits_for_the_running_job_and_goes_before_those_that_wait(start: Start) -> None:
    app = start(noise_worker(SLOW))
    running = app.submit(replace(CAT, steps=30), ME)
    waiting = app.submit(replace(CAT, steps=150), ME)
    until(lambda: stepping(app))
    answer = app.look(from_picture(app), ME)
    assert frames(answer)
    assert job(app, running).state == "done"
    assert job(app, waiting).state != "done"


def test_of_more_looks_than_anybody_has_pages_the_newest_are_made(start: Start) -> None:
    app = start(noise_worker(SLOW))
    app.submit(replace(CAT, steps=20), ME)
    until(lambda: stepping(app))
    strengths = [0.1 * n for n in range(1, MOST + 2)]
    first, *others = [app.look(replace(from_picture(app), strength=strength), ME) for strength in strengths]
    assert all(frames(look) for look in others)
    with pytest.raises(Busy):
        first.result(0)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"image": ""}, "no picture to start from"),
        ({"sampler": "Dreamy"}, "no sampler"),
        ({"image": "gone"}, "no input"),
    ],
)
def test_a_look_that_cannot_be_made_is_refused_at_once(app: App, values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        app.look(replace(from_picture(app), **values), ME)


def test_a_worker_that_dies_while_somebody_looks_is_started_again(start: Start) -> None:
    worker = noise_process()
    app = start(worker)
    until(lambda: app.watchers.worker.state == "ready")
    worker.close()
    answer = app.look(from_picture(app), ME)
    assert answer.exception(20) is None or "stopped" in str(answer.exception())
    assert ended(app, app.submit(CAT, ME)).state == "done"
