from __future__ import annotations

import hashlib
import os
from pathlib import Path
from time import monotonic, sleep

from modules.manager.hashes import Hashes


def checkpoint(folder: Path, content: bytes = b"weights") -> Path:
    path = folder / "a.safetensors"
    path.write_bytes(content)
    return path


def wait_for(hashes: Hashes, path: Path) -> str:
    end = monotonic() + 10
    while monotonic() < end:
        if known := hashes.known(path):
            return known
        sleep(0.005)
    raise AssertionError("the hash never came")


def test_the_short_hash_is_a1111s(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    assert Hashes(tmp_path / "cache").compute(path) == hashlib.sha256(b"weights").hexdigest()[:10]


def test_a_hash_is_unknown_until_the_background_has_computed_it(tmp_path: Path) -> None:
    hashes, path = Hashes(tmp_path / "cache"), checkpoint(tmp_path)
    assert hashes.known(path) is None
    hashes.ask(path)
    hashes.ask(path)
    assert wait_for(hashes, path) == hashlib.sha256(b"weights").hexdigest()[:10]


def test_another_process_finds_it_on_disk(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    short = Hashes(tmp_path / "cache").compute(path)
    assert Hashes(tmp_path / "cache").known(path) == short


def test_a_changed_file_has_no_known_hash(tmp_path: Path) -> None:
    hashes, path = Hashes(tmp_path / "cache"), checkpoint(tmp_path)
    hashes.compute(path)
    os.utime(path, ns=(1, 1))
    assert hashes.known(path) is None


def test_a_damaged_record_is_as_good_as_none(tmp_path: Path) -> None:
    hashes, path = Hashes(tmp_path / "cache"), checkpoint(tmp_path)
    hashes.compute(path)
    for record in (tmp_path / "cache").iterdir():
        record.write_text("[1")
    assert hashes.known(path) is None


def test_a_file_that_is_gone_is_no_error(tmp_path: Path) -> None:
    hashes = Hashes(tmp_path / "cache")
    assert hashes.compute(tmp_path / "gone.safetensors") is None
    hashes.ask(tmp_path / "gone.safetensors")


def test_a_folder_has_no_hash(tmp_path: Path) -> None:
    hashes = Hashes(tmp_path / "cache")
    hashes.ask(tmp_path)
    assert hashes.known(tmp_path) is None
