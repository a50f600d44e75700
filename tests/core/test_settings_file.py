"""Changing settings while Taffy runs: what the file holds then, what is in use at once, what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modules.core.errors import BadSetting
from modules.core.settings import load_settings
from modules.core.settings_file import SettingsBook


@pytest.fixture
def book(tmp_path: Path) -> SettingsBook:
    return SettingsBook(load_settings(["--data-dir", str(tmp_path), "--threads", "1"], {}))


def test_the_file_holds_only_what_differs_from_the_defaults(book: SettingsBook) -> None:
    book.change({"port": 7861, "host": "127.0.0.1", "autolaunch": True, "queue_limit": 7})
    assert book.path.read_text() == "port = 7861\nautolaunch = true\nqueue_limit = 7\n"


def test_what_was_changed_is_what_the_next_start_reads(book: SettingsBook, tmp_path: Path) -> None:
    folders = ["weights", '/über mir/"x"\\']
    book.change({"models_dir": folders, "preview": "off", "port": "7861", "use_cpu": True})
    settings = load_settings(["--data-dir", str(tmp_path)], {})
    assert (settings.preview, settings.port, settings.use_cpu) == ("off", 7861, True)
    assert settings.models_dirs[1:] == (tmp_path / "weights", Path(folders[1]).resolve())
    assert book.after_restart("port") == 7861


def test_the_rest_of_the_file_stays(book: SettingsBook) -> None:
    book.change({"port": 7861})
    book.change({"precision": "fp32"})
    assert book.path.read_text() == 'port = 7861\nprecision = "fp32"\n'


def test_what_is_changed_at_the_same_moment_is_all_kept(book: SettingsBook) -> None:
    changes: list[dict[str, object]] = [{"port": 7861}, {"precision": "fp32"}, {"queue_limit": 7}, {"preview": "off"}]
    for _ in range(20):
        book.change({key: None for change in changes for key in change})
        with ThreadPoolExecutor(len(changes)) as pool:
            list(pool.map(book.change, changes))
        assert len(book.path.read_text().splitlines()) == len(changes)


def test_a_reset_takes_the_line_out(book: SettingsBook) -> None:
    book.change({"port": 7861, "preview": "off"})
    book.change({"port": None, "preview": None})
    assert book.path.read_text() == ""
    assert (book.now.preview, book.now.sources["preview"]) == ("automatic", "default")


def test_what_can_take_effect_at_once_does(book: SettingsBook) -> None:
    book.change({"preview": "off"})
    assert (book.now.preview, book.now.sources["preview"]) == ("off", "file")


def test_what_needs_a_restart_waits_for_it(book: SettingsBook) -> None:
    book.change({"port": 7861})
    assert (book.now.port, book.after_restart("port")) == (7860, 7861)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"port": 0}, "port is 0, allowed is a whole number from 1 to 65535"),
        ({"precision": "fp16"}, "precision is 'fp16', allowed is auto or fp32 or bf16"),
        ({"prot": 1}, "there is no setting called 'prot'"),
        ({"threads": 2}, "threads was given as a flag, which wins over the file"),
        ({"data_dir": "/"}, "data_dir cannot be changed here"),
        ({"listen": True}, "listen cannot be changed here"),
        ({"ckpt": "\ud800"}, "a setting has a letter that cannot be saved"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    book: SettingsBook, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadSetting, match=sentence):
        book.change({"autolaunch": True, **changes})
    assert not book.path.exists()


def test_a_file_that_somebody_broke_is_not_overwritten(book: SettingsBook) -> None:
    book.path.write_text("port = = 1")
    with pytest.raises(BadSetting, match="cannot be read"):
        book.change({"autolaunch": True})
    assert book.path.read_text() == "port = = 1"
