"""What extensions keep with a job's record: whole pieces, found by job and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.core.errors import BadRequest, CannotSave, NotThere
from modules.jobs.attachments import Attachments


@pytest.fixture
def kept(tmp_path: Path) -> Attachments:
    return Attachments(tmp_path / "attachments")


def test_a_piece_is_read_as_it_was_put_and_a_later_one_takes_its_place(kept: Attachments) -> None:
    kept.put("job", "mine", "steps-1", b"one")
    kept.put("job", "mine", "steps-1", b"two")
    assert kept.get("job", "mine", "steps-1") == b"two"
    assert kept.keys("job", "mine") == ("steps-1",)
    assert kept.keys("job", "theirs") == ()


def test_what_could_not_be_written_leaves_the_old_piece_and_nothing_half(
    kept: Attachments, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.put("job", "mine", "steps", b"old")

    def full(path: Path, target: Path) -> Path:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CannotSave):
        kept.put("job", "mine", "steps", b"new")
    assert kept.get("job", "mine", "steps") == b"old"
    assert kept.keys("job", "mine") == ("steps",)
    assert [piece.key for piece in kept.pieces("mine")] == ["steps"]


def test_one_that_is_forgotten_is_gone(kept: Attachments) -> None:
    kept.put("job", "mine", "steps", b"one")
    kept.forget("job", "mine", "steps")
    kept.forget("job", "mine", "steps")
    with pytest.raises(NotThere):
        kept.get("job", "mine", "steps")


@pytest.mark.parametrize("key", ["../steps", "a/b", "", "x" * 81])
def test_keys_are_no_paths(kept: Attachments, key: str) -> None:
    with pytest.raises(BadRequest):
        kept.put("job", "mine", key, b"")
