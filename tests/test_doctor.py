"""`python webui.py doctor`: a report that can be pasted: true, and without secrets."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modules.app import App, build
from modules.core.request import GenerationRequest
from modules.core.settings import ROOT, Settings, load_settings
from modules.doctor import databases, report, warnings

Build = Callable[..., App]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A shared server's, which has run; torch is asked elsewhere."""
    monkeypatch.setattr("modules.doctor.DEVICE", "print('cpu, 2 threads')")
    settings = load_settings(["--data-dir", str(tmp_path / "data"), "--listen", "--threads", "3"], {})
    app = build(settings)
    app.access.users.add("ben", "user", "correct horse")
    app.queue.journal.add(GenerationRequest(prompt="a private cat", checkpoint="x"), "ben")
    app.queue.journal.close()
    app.gallery.close()
    logs = tmp_path / "data" / "logs"
    logs.mkdir()
    lines = (f"2026 {level} x number {number}" for number in range(9) for level in ("INFO", "WARNING"))
    (logs / "taffy.log").write_text("\n".join([*lines, f"2026 ERROR x opened /login?token={app.access.token}"]))
    return settings


def test_it_says_versions_device_folders_databases_settings_and_the_last_warnings(settings: Settings) -> None:
    text = report(settings)
    for part in ("Taffy", "Packages", "Device", "Folders", "Databases", "Settings", "Last warnings"):
        assert f"\n{part}\n" in f"\n{text}"
    assert "cpu, 2 threads" in text
    assert "jobs.sqlite3: ok, version" in text
    assert "1 rows" in text
    assert "threads = 3 (flag)" in text
    assert "can be written" in text
    assert "WARNING x number 8" in text
    assert "number 0" not in text  # only the last ones
    assert "INFO" not in text


def test_it_has_no_secret_no_prompt_and_no_home_in_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(settings.data_dir.parent))
    text, access = report(settings), settings.data_dir / "access"
    for secret in ("token", "session.key", "users.json"):
        assert (access / secret).read_text().strip() not in text
    assert "token=[hidden]" in text
    assert "private cat" not in text
    assert "ben" not in text
    assert str(settings.data_dir.parent) not in text
    assert "~/data" in text.replace("\\", "/")


def test_without_git_the_version_is_unknown_and_the_rest_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    text = report(settings)
    assert "version unknown, SQLite" in text
    assert "jobs.sqlite3: ok" in text


def test_what_is_broken_newer_or_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite3").write_bytes(b"not a database" * 100)
    (tmp_path / "jobs.sqlite3.broken-20260101-000000").touch()
    told = list(databases(tmp_path))
    assert "jobs.sqlite3: file is not a database" in told
    assert "gallery.sqlite3: not there yet" in told
    assert "set aside: jobs.sqlite3.broken-20260101-000000" in told
    assert list(warnings(tmp_path / "none")) == ["there is no log yet"]
    (tmp_path / "quiet").write_text("2026 INFO x all is well\n")
    assert list(warnings(tmp_path / "quiet")) == ["none"]


def test_it_can_be_asked_while_taffy_runs(tmp_path: Path) -> None:
    app = build(Settings(data_dir=tmp_path))
    told = "\n".join(databases(tmp_path))
    assert "(Taffy is running)" in told
    assert "gallery.sqlite3: ok" in told
    app.queue.journal.add(GenerationRequest(checkpoint="x"), "local")  # and does no harm
    app.queue.journal.close()
    app.gallery.close()
    assert sqlite3.connect(tmp_path / "jobs.sqlite3").execute("SELECT COUNT(*) FROM job").fetchone() == (1,)


@pytest.mark.long
def test_the_command_prints_it(tmp_path: Path) -> None:
    command: list[Any] = [sys.executable, "webui.py", "doctor", "--data-dir", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "torch 2" in done.stdout
    assert "threads" in done.stdout.partition("Device")[2]
