"""Pictures that carry their making from one Taffy to another, Verify, films, and the originality check; all real."""

from __future__ import annotations

import io
import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from PIL import Image

from extensions.inside.carried import making_of
from extensions.inside.chunk import chunk_of, with_chunk
from extensions.inside.originality import FAR, FOUND
from modules.app import App, build
from modules.core.errors import BadRequest, NotThere
from modules.core.settings import Settings
from modules.hooks import Call, Picture
from modules.worker.config import WorkerConfig
from modules.worker.local import LocalWorker
from modules.worker.service import Service
from tests.app.asking import ME
from tests.engine.conftest import png, scene
from tests.extensions.inside.conftest import EXTENSIONS, Studio
from tests.extensions.inside.test_inside_front import asked, branch, made, pixels
from tests.workers import Installed


def taffy(folder: Path, inside: Studio) -> App:
    settings = Settings(data_dir=folder, models_dirs=(inside.models,), extensions_dirs=(EXTENSIONS,))
    app = replace(build(settings), worker=LocalWorker(lambda: inside.service), packages=Installed())
    app.start()
    return app


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, inside: Studio) -> Iterator[App]:
    """Everything real, in this process."""
    app = taffy(tmp_path_factory.mktemp("carrying"), inside)
    yield app
    faults = [fault for fault in app.extending.faults() if fault.extension == "inside"]
    app.close()
    assert not faults


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, inside: Studio) -> Iterator[App]:
    """Another Taffy, which has the same checkpoint and none of the pictures."""
    app = taffy(tmp_path_factory.mktemp("elsewhere"), inside)
    yield app
    app.close()


@pytest.fixture(scope="module")
def first(app: App) -> Picture:
    (picture,) = made(app, sampler="Euler a")
    return picture


def sent(app: App, method: str, path: str, body: bytes = b"", /, **query: str) -> bytes:
    """The answer's bytes."""
    route = app.host.route("inside", method, path)
    answer = app.host.reply(route, Call(ME, query, body, here=True), app.desk("inside")).body
    return answer if isinstance(answer, bytes) else b"".join(answer)


def carried(app: App, picture: Picture) -> bytes:
    return sent(app, "GET", "carry", picture=picture.id)


def brought(app: App, file: bytes) -> Picture:
    told = json.loads(sent(app, "POST", "bring", file))
    return app.desk("inside").picture(told["id"], ME)


def told(app: App, path: str, **query: str) -> list[Any]:
    method = "GET" if path == "originality" else "POST"  # what makes the engine work is not for who may only look
    return [json.loads(line) for line in sent(app, method, path, **query).splitlines()]


def verified(app: App, picture: Picture) -> Any:
    *_, last = told(app, "verify", picture=picture.id)
    return last


def test_the_file_in_the_gallery_carries_nothing(app: App, first: Picture) -> None:
    with pytest.raises(NotThere, match="does not carry"):
        chunk_of(app.gallery.file(first.id, ME).read_bytes())


def test_on_another_taffy_the_steps_are_the_same_to_the_bit(app: App, other: App, first: Picture) -> None:
    asked(app, "GET", "looks", picture=first.id)
    here = brought(other, carried(app, first))
    assert pixels(other, here) == pixels(app, first)
    assert asked(other, "GET", "looks", picture=here.id) == asked(app, "GET", "looks", picture=first.id)
    (one,), (two,) = (
        asked(*at, picture=id) for at, id in (((app, "GET", "steps"), first.id), ((other, "GET", "steps"), here.id))
    )
    assert one["sigmas"] == two["sigmas"]
    assert here.request is not None
    assert (here.request.origin, here.request.parent) == ("brought", "")


def test_it_is_in_the_history_as_a_job_that_is_done(app: App, other: App, first: Picture) -> None:
    here = brought(other, carried(app, first))
    assert other.queue.journal.get(here.job, ME).state == "done"
    assert here.job in {job.id for job in other.queue.journal.recent(ME, 20)}


def test_there_it_can_go_another_way_and_unchanged_it_is_the_same(app: App, other: App, first: Picture) -> None:
    here = brought(other, carried(app, first))
    (same,) = branch(other, here, 3)
    (changed,) = branch(other, here, 3, prompt="a rocket")
    assert pixels(other, same) == pixels(app, first)
    assert pixels(other, changed) != pixels(app, first)


def test_verify_says_that_it_is_the_same_to_the_bit(app: App, other: App, first: Picture) -> None:
    steps = told(other, "verify", picture=brought(other, carried(app, first)).id)
    assert [line["step"] for line in steps[:-1]] == [1, 2, 3, 4, 5]
    assert steps[-1]["equal"], steps[-1]
    assert steps[-1]["said"].startswith("The same to the bit")
    assert steps[-1]["differs"] == []


def test_verify_makes_a_picture_of_a_batch_with_its_batch(app: App, other: App) -> None:
    _, two = made(app, sampler="Euler a", count=2, batch_size=2)
    assert verified(app, two)["equal"]
    assert verified(other, brought(other, carried(app, two)))["equal"]


def test_verify_begins_a_branch_with_its_own_steps(app: App, other: App, first: Picture) -> None:
    (way,) = branch(app, first, 2, prompt="a rocket", sampler="Heun", noise_seed=9)
    here = verified(other, brought(other, carried(app, way)))
    assert here["equal"], here
    assert "up to 2 were taken from its record" in here["notes"][0]


def test_verify_names_what_differs(app: App, other: App, first: Picture) -> None:
    file = carried(app, first)
    making = making_of(chunk_of(file))
    record = replace(making.record, made={**making.record.made, "Threads": "64"})
    facts = {**making.facts, "Torch": "1.0"}
    request = replace(making.request, prompt="a rocket")
    here = verified(
        other, brought(other, with_chunk(file, replace(making, request=request, facts=facts, record=record).packed()))
    )
    assert not here["equal"]
    assert "the ways part at step 1" in here["said"]
    assert ["Threads", "64", "1"] in here["differs"]
    assert "Torch" in {row[0] for row in here["differs"]}
    assert "another number of threads" in here["why"]
    assert "another version of torch" in here["why"]


@pytest.mark.parametrize(
    ("config", "name", "words"),
    [
        ({"threads": 2}, "Threads", "another number of threads"),
        ({"attention": "sliced"}, "Attention", "another attention kernel"),
        ({"precision": "bf16"}, "Precision", "another precision"),
    ],
)
def test_verify_on_another_machine_names_what_differs_and_says_that_it_is_usual(
    app: App, inside: Studio, first: Picture, tmp_path: Path, config: dict[str, Any], name: str, words: str
) -> None:
    """Really made there: by another number of threads, another kernel, another precision."""
    usual: dict[str, Any] = {"use_cpu": True, "precision": "fp32", "threads": 1}
    given = (str(inside.models),), str(tmp_path / "cache"), (str(EXTENSIONS),)
    there = Studio(Service(WorkerConfig(*given, **usual | config)), inside.models)
    machine = taffy(tmp_path, there)
    try:
        said = verified(machine, brought(machine, carried(app, first)))
    finally:
        machine.close()
        torch.set_num_threads(1)
    assert name in {row[0] for row in said["differs"]}
    if not said["equal"]:
        assert words in said["why"]
        assert "usual" in said["why"]
    if name == "Precision":
        assert not said["equal"], "16 bits cannot come out the same"


def test_verify_says_when_rounding_explains_nothing(app: App, other: App, first: Picture) -> None:
    file = carried(app, first)
    making = making_of(chunk_of(file))
    lie = replace(making, request=replace(making.request, prompt="a rocket"))
    said = verified(other, brought(other, with_chunk(file, lie.packed())))
    assert not said["equal"]
    assert "rounding does not explain this" in said["why"]


def test_verify_sees_a_single_pixel(app: App, other: App, first: Picture) -> None:
    file = carried(app, first)
    image = Image.open(io.BytesIO(file)).convert("RGB")
    image.putpixel((5, 5), (255 - image.getpixel((5, 5))[0], 0, 0))  # type: ignore[index]
    changed = BytesIO()
    image.save(changed, "PNG")
    here = verified(other, brought(other, with_chunk(changed.getvalue(), chunk_of(file))))
    assert not here["equal"]
    assert "it is the VAE, or what comes after it" in here["said"]


def test_the_picture_it_was_made_from_travels_with_it(app: App, other: App) -> None:
    source = app.desk("inside").bring(png(scene()), ME)
    (painted,) = made(app, image=source, strength=0.6)
    here = brought(other, carried(app, painted))
    assert here.request is not None
    assert here.request.image != source
    assert verified(other, here)["equal"]


def test_a_checkpoint_that_is_not_here_is_named(app: App, other: App, first: Picture) -> None:
    file = carried(app, first)
    making = making_of(chunk_of(file))
    strange = replace(making, request=replace(making.request, checkpoint="dream"))
    answer = json.loads(sent(other, "POST", "bring", with_chunk(file, strange.packed())))
    assert "the checkpoint dream is not here" in answer["note"]
    (known,) = asked(other, "GET", "steps", picture=answer["id"])
    assert len(known["sigmas"]) == 5
    assert "no checkpoint called 'dream" in verified(other, other.desk("inside").picture(answer["id"], ME))["error"]


def test_what_carries_nothing_leaves_nothing(other: App) -> None:
    before = other.gallery.newest(ME, 100)
    for file in (png(scene()), with_chunk(png(scene()), b"nonsense"), b"hello"):
        with pytest.raises((BadRequest, NotThere)):
            brought(other, file)
    assert other.gallery.newest(ME, 100) == before


@pytest.mark.parametrize("kind", ["gif", "webp", "mp4"])
def test_a_film_has_every_step_and_the_picture(app: App, first: Picture, kind: str) -> None:
    *steps, last = told(app, "film", picture=first.id, kind=kind)
    assert [line["done"] for line in steps] == [1, 2, 3, 4, 5, 5]
    data = b64decode(last["src"].partition(",")[2])
    assert last["name"] == f"steps-3.{kind}"
    if kind == "mp4":
        container: Any = av.open(BytesIO(data))
        with container:
            shots = list(container.decode(video=0))
            assert (shots[0].width, shots[0].height) == (64, 48)
            assert len(shots) == 6 + 2000 // 400
    else:
        with Image.open(BytesIO(data)) as film:
            assert (film.size, film.n_frames) == ((64, 48), 6)  # type: ignore[attr-defined]


def test_another_kind_of_film_is_refused(app: App, first: Picture) -> None:
    with pytest.raises(BadRequest, match="gif, webp, mp4"):
        told(app, "film", picture=first.id, kind="avi")


@pytest.fixture(scope="module")
def folder(app: App, first: Picture, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other pictures of this checkpoint, and one file that is none."""
    place = tmp_path_factory.mktemp("folder")
    for picture in made(app, sampler="Euler a", count=6, batch_size=3, seed=50, prompt="a rocket"):
        (place / f"{picture.seed}.png").write_bytes(app.gallery.file(picture.id, ME).read_bytes())
    (place / "broken.jpg").write_bytes(b"nothing")
    return place


def compared(app: App, picture: Picture, folder: Path) -> tuple[list[Any], Any]:
    lines = told(app, "originality", picture=picture.id, folder=str(folder))
    assert "error" not in lines[-1], lines[-1]
    return [line["near"] for line in lines if "near" in line], lines[-1]


def test_a_copy_is_found_though_it_was_saved_again_smaller_and_mirrored(app: App, first: Picture, folder: Path) -> None:
    image = Image.open(app.gallery.file(first.id, ME)).convert("RGB")
    copy = folder / "deep" / "copy.jpg"
    copy.parent.mkdir()
    image.resize((57, 43)).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(copy, quality=80)
    near, said = compared(app, first, folder)
    copy.unlink()
    assert near[0]["name"] == str(copy)
    assert near[0]["mirrored"]
    assert said["said"] == FOUND
    assert near[0]["src"].startswith("data:image/jpeg;base64,")


def test_without_one_that_is_said_with_what_it_proves(app: App, first: Picture, folder: Path) -> None:
    near, said = compared(app, first, folder)
    assert said["said"] == FAR
    assert len(near) == 6
    assert "Finding nothing proves nothing more" in said["limits"]
    assert said["unreadable"] == ["broken.jpg"]


def test_a_second_look_remembers_the_first(app: App, first: Picture, folder: Path) -> None:
    compared(app, first, folder)
    lines = told(app, "originality", picture=first.id, folder=str(folder))
    assert not any(line.get("doing") == "looking through the VAE" for line in lines)


def test_a_stopped_look_remembers_how_far_it_came(app: App, first: Picture, folder: Path) -> None:
    route = app.host.route("inside", "GET", "originality")
    call = Call(ME, {"picture": first.id, "folder": str(folder)}, b"", here=True)
    lines: Any = app.host.reply(route, call, app.desk("inside")).body
    next(lines)
    lines.close()
    assert list(app.desk("inside").folder.glob("*.npz"))


def test_folders_are_named_by_the_owner_at_the_computer_only(app: App, first: Picture, folder: Path) -> None:
    with pytest.raises(NotThere, match="sitting at it"):
        asked(app, "GET", "originality", picture=first.id, folder=str(folder))


@pytest.mark.parametrize("name", ["", "pictures", "/no/such/folder"])
def test_a_folder_that_is_none_is_said(app: App, first: Picture, name: str) -> None:
    with pytest.raises(BadRequest, match="there is no folder"):
        told(app, "originality", picture=first.id, folder=name)


def test_only_the_starter_has_a_training_set_here(app: App, first: Picture) -> None:
    (line,) = told(app, "originality", picture=first.id, against="training")
    assert "only the starter's training set is known" in line["error"]
