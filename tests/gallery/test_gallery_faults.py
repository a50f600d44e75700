"""Full disks, kills, damaged and foreign lists: the gallery loses nothing and says what happened."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modules.core.errors import BadSetting, CannotSave
from modules.gallery import Gallery
from tests.gallery.made_pictures import REQUEST, files, made, number


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 kB. Only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_leaves_nothing_behind(tiny_disk: Path, tmp_path: Path) -> None:
    gallery = Gallery(tiny_disk, tmp_path / "gallery.sqlite3")
    with pytest.raises(CannotSave, match=r"00000-7\.png could not be saved: No space left on device"):
        gallery.save("job", "local", REQUEST, made(side=512))
    assert files(tiny_disk) == [] and gallery.newest("local", 9) == ()
    saved = gallery.save("job", "local", REQUEST, made(side=64))
    assert files(tiny_disk) == [saved.path]
    gallery.close()


def test_a_list_on_a_full_disk_leaves_nothing_behind(tiny_disk: Path, tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "outputs", tiny_disk / "gallery.sqlite3")
    filler = tiny_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"\0" * 4096)
    kept = 0
    with pytest.raises(CannotSave, match=r"gallery\.sqlite3"):
        for kept in range(100):  # a few fit into pages that are there already
            gallery.save("job", "local", REQUEST, made(kept))
    assert len(files(tmp_path / "outputs")) == len(gallery.newest("local", 100)) == kept
    filler.unlink()
    gallery.save("job", "local", REQUEST, made(kept))
    gallery.close()


def test_a_disk_that_refuses_at_the_end_leaves_nothing_behind(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(CannotSave, match="No space left"):
        patch.setattr(os, "fsync", refuse)
        gallery.save("job", "local", REQUEST, made())
    assert files(tmp_path / "outputs") == [] and gallery.newest("local", 9) == ()
    assert number(gallery.save("job", "local", REQUEST, made())) == 0


KILLED = """
import os, sys
from pathlib import Path
from modules.gallery import Gallery
from modules.gallery.store import Store
from tests.gallery.made_pictures import REQUEST, files, made, number

gallery = Gallery(Path(sys.argv[1]) / "outputs", Path(sys.argv[1]) / "gallery.sqlite3")
if sys.argv[2] == "while writing":
    os.fsync = lambda _: os._exit(9)
else:
    Store.complete = lambda *_: os._exit(9)
gallery.save("job", "local", REQUEST, made())
"""


def killed(folder: Path, when: str) -> Gallery:
    """What the next start finds after the program died in the middle of saving."""
    assert subprocess.run([sys.executable, "-c", KILLED, str(folder), when], check=False).returncode == 9
    assert len(files(folder / "outputs")) == 1
    return Gallery(folder / "outputs", folder / "gallery.sqlite3")


def test_a_kill_while_writing_leaves_nothing_after_the_next_start(tmp_path: Path) -> None:
    gallery = killed(tmp_path, "while writing")
    assert files(tmp_path / "outputs") == [] and gallery.newest("local", 9) == ()
    assert number(gallery.save("job", "local", REQUEST, made())) == 0
    gallery.close()


def test_a_kill_after_writing_does_not_double_the_picture(tmp_path: Path) -> None:
    gallery = killed(tmp_path, "after writing")
    saved = gallery.save("job", "local", REQUEST, made())
    assert gallery.newest("local", 9) == (saved,)
    assert files(tmp_path / "outputs") == [saved.path]
    gallery.close()


def test_a_list_that_is_no_list_is_set_aside_and_said(tmp_path: Path) -> None:
    (tmp_path / "gallery.sqlite3").write_bytes(b"not a database" * 100)
    gallery = Gallery(tmp_path / "outputs", tmp_path / "gallery.sqlite3")
    assert "damaged" in gallery.note
    gallery.close()


def test_saving_needs_no_torch() -> None:
    check = "import sys, modules.gallery; print(*{'torch', 'gradio'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_damaged_list_is_set_aside_and_made_anew_from_its_rows_and_the_files(tmp_path: Path) -> None:
    database = tmp_path / "gallery.sqlite3"
    gallery = Gallery(tmp_path / "outputs", database)
    kept = [gallery.save(f"job{seed}", "ben", replace(REQUEST, seed=seed), made(seed=seed)) for seed in range(30)]
    gallery.close()
    whole = bytearray(database.read_bytes())
    for page in range(4096 * 4, len(whole) - 4096, 4096 * 3):  # every third page
        whole[page : page + 4096] = b"\xff" * 4096
    database.write_bytes(whole)
    gallery = Gallery(tmp_path / "outputs", database)
    assert "damaged" in gallery.note
    assert re.search(r"gallery\.sqlite3\.broken-[\d-]+", gallery.note)
    assert list(tmp_path.glob("gallery.sqlite3.broken-*"))
    found = gallery.newest("ben", 100)
    assert sorted(one.seed for one in found) == list(range(30))  # all of them, each once
    assert {one.path for one in found} == {one.path for one in kept}
    assert all(gallery.file(one.id, "ben").is_file() for one in found)
    assert gallery.save("new", "ben", REQUEST, made(seed=99)).name.startswith("00030")
    gallery.close()


def test_a_list_of_the_first_version_opens_and_is_copied_first(tmp_path: Path) -> None:
    database = tmp_path / "gallery.sqlite3"
    gallery = Gallery(tmp_path / "outputs", database)
    saved = gallery.save("job", "ben", REQUEST, made())
    gallery.close()
    with sqlite3.connect(database) as db:
        db.executescript("DROP INDEX pictures_of_parent; PRAGMA user_version = 1;")
    db.close()
    gallery = Gallery(tmp_path / "outputs", database)
    assert gallery.get(saved.id, "ben") == saved
    assert (gallery.note, (tmp_path / "gallery.sqlite3.version-1").is_file()) == ("", True)
    gallery.close()


def test_a_list_of_a_newer_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    Gallery(tmp_path / "outputs", tmp_path / "gallery.sqlite3").close()
    with sqlite3.connect(tmp_path / "gallery.sqlite3") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(BadSetting, match="newer Taffy"):
        Gallery(tmp_path / "outputs", tmp_path / "gallery.sqlite3")
