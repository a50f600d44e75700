"""Pictures that people bring: kept once, found by their owner only, and gone when nobody needs them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from modules.core.errors import BadRequest, NotThere
from modules.gallery import Inputs
from modules.gallery.inputs import UNUSED
from modules.gallery.metadata import encode_png
from tests.gallery.brought import file_of, noise, two_tone
from tests.gallery.made_pictures import REQUEST, made

DAY = 24 * 3600


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs(tmp_path / "inputs")


def pngs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.png"))


def aged(inputs: Inputs, input_id: str, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(inputs.file(input_id, "local"), (then, then))


def test_a_picture_is_kept_as_a_png_of_its_pixels(inputs: Inputs) -> None:
    kept = inputs.put("local", file_of(noise(), "BMP"))
    assert (kept.width, kept.height, kept.has_alpha, kept.notes) == (24, 24, False, ())
    image = Image.open(BytesIO(inputs.read(kept.id, "local")))
    assert (image.format, image.mode, image.tobytes()) == ("PNG", "RGB", noise().tobytes())


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_modes_that_workers_read_are_kept(inputs: Inputs, mode: str) -> None:
    image = noise().convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    kept = inputs.put("local", file_of(image))
    stored = Image.open(BytesIO(inputs.read(kept.id, "local")))
    assert (stored.mode, stored.tobytes(), kept.has_alpha) == (mode, image.tobytes(), mode == "RGBA")


def test_what_was_said_of_it_is_known_after_a_restart(inputs: Inputs, tmp_path: Path) -> None:
    data = encode_png(made(), "a cat\nSteps: 1, Seed: 2, Size: 8x8", REQUEST)
    kept = inputs.put("local", data, parent="picture")
    moving = inputs.put("local", file_of(two_tone(), "GIF", save_all=True, append_images=[noise().resize((32, 16))]))
    again = Inputs(tmp_path / "inputs")
    assert again.get(kept.id, "local") == kept
    assert (kept.parent, kept.infotext) == ("picture", "a cat\nSteps: 1, Seed: 2, Size: 8x8")
    assert again.get(moving.id, "local").notes == ("the picture moves: its first frame was taken",)


def test_the_same_bytes_are_kept_once(inputs: Inputs, tmp_path: Path) -> None:
    first, second = (inputs.put("local", file_of(noise())) for _ in range(2))
    other = inputs.put("local", file_of(noise(seed=2)))
    assert first == second and other.id != first.id
    assert len(pngs(tmp_path)) == 2


def test_a_parent_that_becomes_known_is_remembered(inputs: Inputs) -> None:
    kept = inputs.put("local", file_of(noise()))
    assert inputs.put("local", file_of(noise()), parent="picture").id == kept.id
    assert inputs.put("local", file_of(noise())).parent == "picture"


def test_the_same_bytes_of_somebody_else_have_another_id(inputs: Inputs) -> None:
    assert inputs.put("ann", file_of(noise())).id != inputs.put("bob", file_of(noise())).id


def test_somebody_elses_picture_is_not_there(inputs: Inputs) -> None:
    kept = inputs.put("ann", file_of(noise()))
    assert inputs.get(kept.id, "ann") == kept
    for ask in (inputs.get, inputs.file, inputs.read):
        with pytest.raises(NotThere, match="no input picture"):
            ask(kept.id, "bob")


def test_an_id_cannot_be_worked_out_from_the_bytes(tmp_path: Path) -> None:
    ids = {Inputs(tmp_path / name).put("local", file_of(noise())).id for name in "ab"}
    assert len(ids) == 2 and all(re.fullmatch(r"[\w-]{22}", id) for id in ids)


@pytest.mark.parametrize(
    "id", ["", ".", "..", "../../etc/passwd", "a\0b", "a/b", "..\\x", "\ud800", "x" * 5000, ".key"]
)
def test_an_unknown_id_is_not_there(inputs: Inputs, id: str) -> None:
    inputs.put("local", file_of(noise()))
    for ask in (inputs.get, inputs.read):
        with pytest.raises(NotThere):
            ask(id, "local")


@pytest.mark.parametrize("owner", ["", "..", "../ann", "a/b", "a\0"])
def test_an_owner_cannot_be_a_path(inputs: Inputs, tmp_path: Path, owner: str) -> None:
    with pytest.raises(NotThere):
        inputs.put(owner, file_of(noise()))
    assert pngs(tmp_path) == []


def test_a_file_that_is_no_picture_leaves_nothing_behind(inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        inputs.put("local", b"<svg/>")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".key"]


def test_a_damaged_file_in_the_store_is_not_there_until_it_is_brought_again(inputs: Inputs) -> None:
    kept = inputs.put("local", file_of(noise()))
    inputs.file(kept.id, "local").write_bytes(b"\x89PNG")
    with pytest.raises(NotThere, match="damaged"):
        inputs.get(kept.id, "local")
    assert inputs.put("local", file_of(noise())) == kept == inputs.get(kept.id, "local")


def test_nothing_hidden_in_the_file_is_kept(inputs: Inputs) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    kept = inputs.put("local", file_of(noise(), "JPEG", exif=exif, comment=b"a secret name"))
    assert b"secret" not in inputs.read(kept.id, "local")


def started_on(
    inputs: Inputs, days: Iterable[int], mentioned: Callable[[set[str]], set[str]] = lambda ids: set()
) -> int:
    """Clean once on each of these days, counted from some day; how many pictures that removed."""
    return sum(inputs.clean(mentioned, date(2026, 11, 23) + timedelta(day)) for day in days)


def test_what_was_not_used_on_14_days_with_a_start_is_cleaned(inputs: Inputs, tmp_path: Path) -> None:
    inputs.put("local", file_of(noise(seed=1)))
    assert started_on(inputs, range(14)) == 0
    later = inputs.put("local", file_of(noise(seed=2)))
    assert started_on(inputs, [14]) == 1
    assert pngs(tmp_path) == [f"{later.id}.png"]


def test_a_clock_that_jumps_weeks_ahead_or_was_wrong_when_a_picture_came_removes_nothing(inputs: Inputs) -> None:
    kept = inputs.put("local", file_of(noise()))
    old = inputs.put("local", file_of(noise(seed=2)))
    os.utime(inputs.file(old.id, "local"), (0, 0))
    assert started_on(inputs, [0, 60, 0, 9000]) == 0
    assert inputs.get(kept.id, "local") == kept
    assert inputs.get(old.id, "local") == old


def test_many_starts_in_one_day_are_one(inputs: Inputs) -> None:
    inputs.put("local", file_of(noise()))
    assert started_on(inputs, [0, *[1] * 40]) == 0


def test_what_is_mentioned_is_not_cleaned(inputs: Inputs) -> None:
    kept = inputs.put("local", file_of(noise()))
    assert started_on(inputs, range(40), lambda ids: ids & {kept.id}) == 0
    assert inputs.get(kept.id, "local") == kept


@pytest.mark.parametrize("again", ["read", "put", "get"])
def test_using_a_picture_makes_it_young(inputs: Inputs, again: str) -> None:
    kept = inputs.put("local", file_of(noise()))
    aged(inputs, kept.id, days=1)
    assert started_on(inputs, range(14)) == 0
    _ = inputs.put("local", file_of(noise())) if again == "put" else getattr(inputs, again)(kept.id, "local")
    assert started_on(inputs, range(14, 28)) == 0
    assert started_on(inputs, [28]) == 1


def test_a_damaged_record_of_what_was_unused_begins_anew(inputs: Inputs, tmp_path: Path) -> None:
    kept = inputs.put("local", file_of(noise()))
    for damage in (b"", b"[]", b'{"day": 1, "unused": {"x": 3}}', b"\xff"):
        started_on(inputs, range(14))
        (tmp_path / "inputs" / UNUSED).write_bytes(damage)
    assert started_on(inputs, [14]) == 0
    assert inputs.get(kept.id, "local") == kept
