"""Keeping pictures: once, whole, numbered, and only for their owner."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from modules.core.errors import NotThere
from modules.core.requests import AnyRequest
from modules.core.upscaling import UpscaleRequest
from modules.gallery import Gallery, Saved, single
from modules.gallery.metadata import read_metadata
from modules.text.infotext import request_from_infotext, write_infotext
from tests.gallery.made_pictures import REQUEST, files, made, number

LARGER = UpscaleRequest("upscale", "cat", scale=2)


def test_a_picture_lies_where_a1111_would_put_it(gallery: Gallery, tmp_path: Path) -> None:
    saved = gallery.save("job", "local", REQUEST, made(seed=7))
    assert saved.path == f"local/txt2img-images/{date.today().isoformat()}/00000-7.png"
    assert gallery.file(saved.id, "local") == tmp_path / "outputs" / saved.path
    assert files(tmp_path / "outputs") == [saved.path]


@pytest.mark.parametrize(
    ("request_", "folder"),
    [
        (replace(REQUEST, image="cat"), "img2img-images"),
        (replace(REQUEST, image="cat", mask="mask"), "img2img-images"),
        (LARGER, "extras-images"),
    ],
)
def test_each_way_to_make_a_picture_has_its_folder(gallery: Gallery, request_: AnyRequest, folder: str) -> None:
    saved = gallery.save("job", "local", request_, made(seed=7))
    assert saved.path == f"local/{folder}/{date.today().isoformat()}/00000-7.png"


def test_a_larger_picture_tells_what_it_was_made_from(gallery: Gallery) -> None:
    text = write_infotext(REQUEST, {})
    saved = gallery.save("job", "local", LARGER, made(), came_with=text)
    found = read_metadata(gallery.file(saved.id, "local"))
    assert (found.request, found.infotext, saved.request) == (LARGER, saved.infotext, LARGER)
    assert request_from_infotext(saved.infotext)[0].prompt == "a cat"


def test_a_picture_with_transparency_keeps_it(gallery: Gallery) -> None:
    alpha = bytes(range(64))
    saved = gallery.save("job", "local", LARGER, replace(made(), alpha=alpha))
    with Image.open(gallery.file(saved.id, "local")) as image:
        assert (image.mode, image.getchannel("A").tobytes()) == ("RGBA", alpha)
        assert image.convert("RGB").tobytes() == made().rgb


def test_the_request_of_a_picture_from_a_picture_names_its_inputs(gallery: Gallery) -> None:
    request = replace(REQUEST, image="cat", mask="mask", parent="other", origin="vary", strength=0.4, width=64)
    saved = gallery.save("job", "local", request, made(index=1, seed=8))
    alone = replace(request, seed=8, count=1, batch_size=1, height=8, checkpoint="starter")
    assert (saved.request, read_metadata(gallery.file(saved.id, "local")).request) == (alone, alone)


# History


def line_of(gallery: Gallery, count: int) -> list[Saved]:
    """Each made from the one before."""
    line = [gallery.save("0", "local", REQUEST, made())]
    for job in range(1, count):
        request = replace(REQUEST, image="x", parent=line[-1].id, origin="vary")
        line.append(gallery.save(str(job), "local", request, made()))
    return line


def test_the_line_of_a_picture_can_be_walked_back(gallery: Gallery) -> None:
    line = line_of(gallery, 4)
    assert gallery.ancestors(line[3].id, "local") == tuple(line[:3])
    assert gallery.ancestors(line[0].id, "local") == ()


def test_a_line_ends_where_the_parent_is_unknown_or_somebody_elses(gallery: Gallery) -> None:
    hers = gallery.save("hers", "ann", REQUEST, made())
    for parent in (hers.id, "nobody"):
        saved = gallery.save(parent, "local", replace(REQUEST, image="x", parent=parent), made())
        assert gallery.ancestors(saved.id, "local") == ()
    assert gallery.children(hers.id, "ann") == ()


def test_a_very_long_line_is_cut(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modules.gallery.gallery.MOST_ANCESTORS", 3)
    line = line_of(gallery, 6)
    assert gallery.ancestors(line[5].id, "local") == tuple(line[2:5])


def test_what_was_made_from_a_picture_can_be_found(gallery: Gallery) -> None:
    first, second = line_of(gallery, 2)
    larger = gallery.save("more", "local", replace(LARGER, parent=first.id), made())
    assert gallery.children(first.id, "local") == (second, larger)
    assert gallery.children(second.id, "local") == ()


def test_children_are_found_by_an_index(gallery: Gallery) -> None:
    query = (
        "EXPLAIN QUERY PLAN SELECT id FROM pictures WHERE json_extract(request, '$.parent') <> ''"
        " AND json_extract(request, '$.parent') = 'x'"
    )
    (plan,) = gallery._store._connection.execute(query).fetchall()
    assert "USING INDEX pictures_of_parent" in plan["detail"]


def test_inputs_that_a_picture_was_made_with_are_known(gallery: Gallery) -> None:
    one, two, three = ("a" * 22, "b" * 22, "c" * 22)
    gallery.save("job", "local", replace(REQUEST, image=one, mask=two), made())
    assert gallery.mentioned({one, two, three}) == {one, two}


def test_its_pixels_are_the_workers(gallery: Gallery) -> None:
    saved = gallery.save("job", "local", REQUEST, made())
    with Image.open(gallery.file(saved.id, "local")) as image:
        assert image.tobytes() == made().rgb


def test_its_record_is_the_request_of_this_picture_alone(gallery: Gallery) -> None:
    saved = gallery.save("job", "local", REQUEST, made(index=1, seed=8))
    alone = replace(REQUEST, seed=8, count=1, batch_size=1, width=8, height=8, checkpoint="starter")
    found = read_metadata(gallery.file(saved.id, "local"))
    assert (saved.request, found.request, found.infotext) == (alone, alone, saved.infotext)
    assert "Seed: 8, Size: 8x8, Model hash: 6ce0161689, Model: starter" in saved.infotext


def test_what_the_request_says_is_not_overridden() -> None:
    """An extension may return a picture of another size; the size that was asked for makes it again."""
    request = replace(REQUEST, width=64, height=32, checkpoint="other")
    assert single(request, made()) == replace(request, count=1, batch_size=1)


def test_numbers_go_on_from_the_highest_file(gallery: Gallery, tmp_path: Path) -> None:
    folder = tmp_path / "outputs/local/txt2img-images" / date.today().isoformat()
    folder.mkdir(parents=True)
    for name in ("00041-1.png", "00007-2.png", "notes.txt", "123456.png"):
        (folder / name).touch()
    assert gallery.save("job", "local", REQUEST, made()).name == "00042-7.png"


def test_the_number_of_a_removed_file_is_not_given_again(gallery: Gallery) -> None:
    first = gallery.save("a", "local", REQUEST, made())
    gallery.file(first.id, "local").unlink()
    assert gallery.save("b", "local", REQUEST, made()).name == "00001-7.png"


def test_each_owner_counts_alone(gallery: Gallery) -> None:
    assert {number(gallery.save(owner, owner, REQUEST, made())) for owner in ("ann", "bob")} == {0}


def test_saving_a_picture_again_changes_nothing(gallery: Gallery, tmp_path: Path) -> None:
    first = gallery.save("job", "local", REQUEST, made())
    written = gallery.file(first.id, "local").stat().st_mtime_ns
    assert gallery.save("job", "local", REQUEST, made()) == first
    assert gallery.file(first.id, "local").stat().st_mtime_ns == written
    assert files(tmp_path / "outputs") == [first.path]


def test_many_savers_get_a_number_each(tmp_path: Path) -> None:
    """Two galleries of the same folder, as two programs would have them, with four threads each."""
    galleries = [Gallery(tmp_path / "outputs", tmp_path / "gallery.sqlite3") for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        pictures = pool.map(lambda i: galleries[i % 2].save("job", "local", REQUEST, made(i, seed=7)), range(24))
        assert sorted(number(saved) for saved in pictures) == list(range(24))
    assert len(files(tmp_path / "outputs")) == 24
    for gallery in galleries:
        gallery.close()


def test_many_savers_of_one_picture_make_one_file(gallery: Gallery, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        pictures = set(pool.map(lambda _: gallery.save("job", "local", REQUEST, made()).id, range(16)))
    assert len(pictures) == len(files(tmp_path / "outputs")) == 1


def test_a_picture_of_somebody_else_is_not_there(gallery: Gallery) -> None:
    saved = gallery.save("job", "ann", REQUEST, made())
    assert gallery.get(saved.id, "ann") == saved
    for ask in (gallery.get, gallery.file):
        with pytest.raises(NotThere):
            ask(saved.id, "bob")
    assert gallery.newest("bob", 9) == gallery.of_job("job", "bob") == ()


@pytest.mark.parametrize("picture_id", ["", "nothing", "../../etc/passwd", "a\0b", "' OR 1=1 --"])
def test_unknown_ids_are_not_there(gallery: Gallery, picture_id: str) -> None:
    gallery.save("job", "local", REQUEST, made())
    with pytest.raises(NotThere):
        gallery.file(picture_id, "local")


def test_a_file_that_somebody_removed_is_not_there(gallery: Gallery) -> None:
    saved = gallery.save("job", "local", REQUEST, made())
    gallery.file(saved.id, "local").unlink()
    with pytest.raises(NotThere, match=r"00000-7\.png, is gone"):
        gallery.file(saved.id, "local")


@pytest.mark.parametrize("owner", ["", ".", "..", "../ann", "ann/../bob", "/etc", "a\\b", "c:", "a\0"])
def test_an_owner_cannot_be_a_path(gallery: Gallery, tmp_path: Path, owner: str) -> None:
    with pytest.raises(NotThere):
        gallery.save("job", owner, REQUEST, made())
    assert not any(path.suffix == ".png" for path in tmp_path.rglob("*"))


def test_newest_come_first(gallery: Gallery) -> None:
    saved = [gallery.save("job", "local", REQUEST, made(i, seed=i)) for i in range(3)]
    assert gallery.newest("local", 2) == (saved[2], saved[1])


def test_a_jobs_pictures_come_in_its_order(gallery: Gallery) -> None:
    for index in (2, 0, 1):
        gallery.save("job", "local", REQUEST, made(index))
    gallery.save("other", "local", REQUEST, made(0))
    assert [saved.index for saved in gallery.of_job("job", "local")] == [0, 1, 2]


def test_ids_cannot_be_guessed(gallery: Gallery) -> None:
    ids = [gallery.save("job", "local", REQUEST, made(i)).id for i in range(3)]
    assert all(re.fullmatch(r"[\w-]{22}", picture_id) for picture_id in ids) and len(set(ids)) == 3


def test_pictures_outlive_the_program(gallery: Gallery, tmp_path: Path) -> None:
    saved = gallery.save("job", "local", REQUEST, made())
    gallery.close()
    again = Gallery(tmp_path / "outputs", tmp_path / "gallery.sqlite3")
    assert again.get(saved.id, "local") == saved
    again.close()
