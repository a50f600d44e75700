"""Paths: nothing leads outside its root; a write is whole or has not happened."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.core.errors import CannotSave, NotThere
from modules.core.paths import contained, write_atomically

PIECES = st.sampled_from(
    ["..", ".", "", "a", "b.png", "~", "/", "\\", "C:", "\0", "link", "%2e%2e", "．．", "out", "etc"]
)
NAMES = st.text(max_size=40) | st.lists(PIECES, max_size=8).map("/".join) | st.lists(PIECES, max_size=8).map("".join)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("contained")
    (base / "outside").mkdir()
    (base / "root" / "a").mkdir(parents=True)
    (base / "root" / "link").symlink_to(base / "outside")
    (base / "root" / "out").symlink_to("/")
    return base / "root"


@given(name=NAMES)
def test_no_name_leads_outside(name: str, root: Path) -> None:
    try:
        path = contained(root, name)
    except NotThere:
        return
    assert path.resolve().is_relative_to(root.resolve())
    assert path != root.resolve()


def test_a_name_inside_is_found(root: Path) -> None:
    assert contained(root, "a/b.png") == root.resolve() / "a" / "b.png"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../root", "a/../..", "/etc/passwd", "link/x", "out/etc/passwd", "a\0", "a\\..\\..", "C:x"]
)
def test_a_name_that_leads_outside_is_not_there(name: str, root: Path) -> None:
    with pytest.raises(NotThere):
        contained(root, name)


def test_a_root_that_is_itself_a_link_is_followed_first(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert contained(tmp_path / "alias", "a") == root.resolve() / "a"


def test_a_write_makes_its_folder_and_leaves_only_the_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "file", b"content")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "new").iterdir()] == [("file", b"content")]


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    if call == "fsync":
        monkeypatch.setattr(os, "fsync", full_disk)
        content = b"new"
    else:
        resource = pytest.importorskip("resource")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        content = b"new" * 100_000
    try:
        with pytest.raises(CannotSave, match="file could not be saved"):
            write_atomically(tmp_path / "file", content)
    finally:
        if call == "write":
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def full_disk(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(CannotSave):
        write_atomically(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(CannotSave):
        write_atomically(tmp_path / "file" / "below", b"new")


@pytest.mark.parametrize("name", ["\ud800", "loop", "loop/x", "x" * 300, "x/" * 3000])
def test_a_name_no_disk_can_follow_is_not_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(NotThere):
        contained(tmp_path, name)
