"""What befalls a computer: full disks, folders that cannot be written, clocks that jump, two servers, people who leave.

A job that was acknowledged ends or says why not, and the next one works.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from modules.app import App, build
from modules.core.errors import BadSetting, CannotSave, TaffyError
from modules.core.settings import Settings
from modules.gallery import Saved
from modules.gallery.inputs import UNUSED
from modules.manager.index import FOLDER
from tests.app.asking import CAT, ME, SLOW, Start, ended, job, until
from tests.gallery.brought import file_of, noise
from tests.headers import header_only
from tests.workers import noise_worker

PICTURE = replace(CAT, steps=1, width=128, height=128)  # of noise: 50 kB


class Disk:
    """A small disk of its own at `folder`. Only root can make one."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder

    def mount(self, *how: str) -> bool:
        command = ["mount", *how, str(self.folder)]
        return sys.platform == "linux" and subprocess.run(command, capture_output=True, check=False).returncode == 0

    def fill(self, leave: int = 0) -> None:
        """Until nothing more fits but `leave` bytes."""
        with (self.folder / "filler").open("wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(bytes(4096))
        with (self.folder / "filler").open("r+b") as file:
            file.truncate(max(0, (self.folder / "filler").stat().st_size - leave))

    def empty(self) -> None:
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk")
    if not disk.mount("-t", "tmpfs", "-o", "size=3m", "tmpfs"):
        pytest.skip("no right to mount a small disk here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk.folder)], check=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modules.dispatch.RETRY_SECONDS", 0.05)


def submitted(app: App, seed: int) -> str | None:
    """The job's id, or None where the disk had no room to acknowledge it."""
    try:
        return app.submit(replace(PICTURE, seed=seed), ME)
    except CannotSave as error:
        assert "disk" in error.advice
        return None


def has_failed(app: App, ids: list[str]) -> bool:
    return any(job(app, id).state == "failed" for id in ids)


def is_sound(database: Path) -> bool:
    with closing(sqlite3.connect(database)) as db:
        return bool(db.execute("PRAGMA integrity_check").fetchone() == ("ok",))


@pytest.mark.parametrize("leave", [0, 300_000])
def test_on_a_full_disk_jobs_fail_with_the_reason_and_with_room_again_they_work(
    start: Start, disk: Disk, leave: int
) -> None:
    app = start(data_dir=disk.folder / "data")
    assert ended(app, app.submit(PICTURE, ME)).state == "done"
    disk.fill(leave)
    ids = [submitted(app, seed) for seed in range(12)]
    refused = ids.count(None)
    told = [id for id in ids if id]
    until(lambda: refused == 12 or "could not be written" in app.watchers.worker.message or has_failed(app, told))
    disk.empty()
    fates = {id: ended(app, id) for id in told}
    for id, fate in fates.items():
        pictures = app.gallery.of_job(id, ME)
        assert fate.state == ("done" if pictures else "failed"), fate
        assert fate.state == "done" or "No space left" in fate.error or "full" in fate.error
        assert all(app.gallery.file(picture.id, ME).stat().st_size > 40_000 for picture in pictures)
    assert refused or any(fate.state == "failed" for fate in fates.values())
    assert ended(app, app.submit(PICTURE, ME)).state == "done"
    assert not list(disk.folder.rglob("*.tmp"))
    app = start(data_dir=disk.folder / "data")
    assert {id: job(app, id) for id in told} == fates
    app.close()
    assert is_sound(disk.folder / "data" / "jobs.sqlite3")
    assert is_sound(disk.folder / "data" / "gallery.sqlite3")


def test_a_picture_larger_than_a_file_may_be_fails_its_job_and_the_next_one_works(app: App) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        failed = ended(app, app.submit(replace(CAT, steps=1, width=512, height=512), ME))
        assert (failed.state, "could not be saved" in failed.error) == ("failed", True)
        assert ended(app, app.submit(PICTURE, ME)).state == "done"
        until(lambda: app.queue._free)  # nothing is being written any more
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(app.settings.data_dir.rglob("*.tmp"))


def test_a_folder_of_pictures_that_cannot_be_written_fails_jobs_with_the_reason(start: Start, disk: Disk) -> None:
    data = disk.folder.parent / "data"
    data.mkdir()
    (data / "outputs").symlink_to(disk.folder)
    app = start()
    assert ended(app, app.submit(PICTURE, ME)).state == "done"
    assert disk.mount("-o", "remount,ro")
    failed = ended(app, app.submit(replace(PICTURE, seed=8), ME))
    assert (failed.state, "Read-only file system" in failed.error) == ("failed", True)
    app = start()
    assert len(app.gallery.newest(ME, 9)) == 1
    assert disk.mount("-o", "remount,rw")
    assert ended(app, app.submit(replace(PICTURE, seed=8), ME)).state == "done"


def test_a_data_folder_that_cannot_be_written_stops_the_start_with_a_sentence(disk: Disk) -> None:
    header_only(disk.folder / "models" / FOLDER / "tiny.safetensors")
    assert disk.mount("-o", "remount,ro")
    with pytest.raises(TaffyError, match="data") as refused:
        build(Settings(data_dir=disk.folder / "data", models_dirs=(disk.folder / "models",)))
    assert "Read-only file system" in refused.value.message
    assert "--data-dir" in refused.value.advice


def test_models_in_a_folder_that_cannot_be_written_are_used_and_their_notes_kept_elsewhere(
    start: Start, disk: Disk
) -> None:
    header_only(disk.folder / FOLDER / "tiny.safetensors")
    assert disk.mount("-o", "remount,ro")
    app = start(models_dirs=(disk.folder,))
    assert ended(app, app.submit(PICTURE, ME)).state == "done"
    item = next(iter(app.library.items()))
    app.library.sidecars.write(item.path, {"notes": "good for cats"})
    assert app.library.notes(item).notes == "good for cats"


def test_a_second_server_on_the_same_folder_refuses_and_changes_nothing(app: App) -> None:
    assert ended(app, app.submit(CAT, ME)).state == "done"

    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in app.settings.data_dir.rglob("*") if path.is_file()}

    until(lambda: app.queue._free)  # nothing is being written any more
    before = files()
    with pytest.raises(BadSetting, match="locked") as refused:
        build(app.settings)
    assert "another Taffy" in refused.value.advice
    assert files() == before
    assert ended(app, app.submit(CAT, ME)).state == "done"


def test_a_clock_that_jumps_changes_no_order_and_loses_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    app = start(noise_worker(SLOW))
    ids: list[str] = []
    pictures: list[Saved] = []
    for clock in (2_000_000_000.0, 1_000_000_000.0, 4_000_000_000.0, 1_500_000_000.0):
        monkeypatch.setattr("time.time", lambda clock=clock: clock)
        ids.append(app.submit(CAT, ME))
        assert ended(app, ids[-1]).state == "done"
        pictures += app.gallery.of_job(ids[-1], ME)
    assert [one.id for one in app.queue.journal.recent(ME, 9)] == ids[::-1]
    assert [*app.gallery.newest(ME, 9)] == pictures[::-1]
    waiting = [app.submit(replace(CAT, steps=150), ME), app.submit(CAT, ME)]
    until(lambda: app.view(ME))
    monkeypatch.setattr("time.time", lambda: 0.0)
    app = start()
    assert [ended(app, id).state for id in waiting] == ["done", "done"]


def test_a_clock_that_jumps_years_ahead_before_a_start_takes_no_picture_away_that_somebody_brought(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start()
    brought = app.inputs.put(ME, file_of(noise()))
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    app = start()
    record, day = app.settings.data_dir / "inputs" / UNUSED, date.fromtimestamp(4_000_000_000.0).isoformat()
    until(lambda: record.exists() and day in record.read_text())
    assert app.inputs.get(brought.id, ME) == brought
