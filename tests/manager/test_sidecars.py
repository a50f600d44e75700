"""Notes and pictures beside model files, in A1111's form."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from modules.core.errors import BadRequest
from modules.manager.sidecars import Notes, Sidecars


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "ink.safetensors"
    path.write_bytes(b"anything")
    return path


@pytest.fixture
def sidecars(tmp_path: Path) -> Sidecars:
    return Sidecars(tmp_path / "data")


def test_what_a1111_wrote_is_read(model: Path, sidecars: Sidecars) -> None:
    values = {
        "description": "ink drawings",
        "activation text": "ink style",
        "notes": "0.7 is best",
        "sd version": "SD1",
    }
    model.with_suffix(".json").write_text(json.dumps(values))
    picture = model.with_suffix(".preview.png")
    picture.write_bytes(b"png")
    assert sidecars.read(model) == Notes("0.7 is best", "ink drawings", "ink style", picture)


def test_what_is_written_is_read_by_a1111_and_the_rest_stays(model: Path, sidecars: Sidecars) -> None:
    model.with_suffix(".json").write_text('{"preferred weight": 0.8, "notes": "old"}')
    sidecars.write(model, {"notes": "new", "words": "ink"})
    told = json.loads(model.with_suffix(".json").read_text())
    assert told == {"preferred weight": 0.8, "notes": "new", "activation text": "ink"}


def test_a_folder_that_cannot_be_written_has_its_notes_in_the_data_folder(
    model: Path, sidecars: Sidecars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.with_suffix(".json").write_text('{"notes": "theirs", "description": "ink"}')
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    sidecars.write(model, {"notes": "mine"})
    sidecars.write_picture(model, b"png")
    assert json.loads(model.with_suffix(".json").read_text())["notes"] == "theirs"
    found = sidecars.read(model)
    assert (found.notes, found.description) == ("mine", "ink")
    assert found.picture is not None and found.picture.parent == tmp_path / "data"


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b'{"notes": 3}', b"[" * 100_000])
def test_a_damaged_sidecar_is_as_if_it_were_not_there(model: Path, sidecars: Sidecars, content: bytes) -> None:
    model.with_suffix(".json").write_bytes(content)
    assert sidecars.read(model) == Notes()


def test_notes_do_not_overwrite_a_file_that_cannot_be_read(model: Path, sidecars: Sidecars) -> None:
    model.with_suffix(".json").write_bytes(b'{"notes": "long ago",')
    with pytest.raises(BadRequest, match=r"ink\.json is there already and cannot be read"):
        sidecars.write(model, {"notes": "new"})
    assert model.with_suffix(".json").read_bytes() == b'{"notes": "long ago",'


def test_only_known_fields_of_a_sane_length_are_kept(model: Path, sidecars: Sidecars) -> None:
    with pytest.raises(BadRequest, match="has no 'sha256'"):
        sidecars.write(model, {"sha256": "x"})
    with pytest.raises(BadRequest, match="at most 20,000 characters"):
        sidecars.write(model, {"notes": "x" * 20_001})
    assert not model.with_suffix(".json").exists()
