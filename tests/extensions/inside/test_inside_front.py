"""The front half of Inside: what it says of a picture's steps, whose they are, branches in the history, room."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from modules.app import App, build
from modules.core.errors import BadRequest, NotThere
from modules.core.request import GenerationRequest
from modules.core.settings import Settings
from modules.hooks import Call, Picture
from modules.worker.local import LocalWorker
from tests.app.asking import ME, ended
from tests.extensions.inside.conftest import EXTENSIONS, REQUEST, Studio
from tests.workers import Installed


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, inside: Studio) -> Iterator[App]:
    """Everything real, in this process."""
    data = tmp_path_factory.mktemp("front")
    settings = Settings(data_dir=data, models_dirs=(inside.models,), extensions_dirs=(EXTENSIONS,))
    app = replace(build(settings), worker=LocalWorker(lambda: inside.service), packages=Installed())
    app.start()
    yield app
    faults = [fault for fault in app.extending.faults() if fault.extension == "inside"]
    app.close()
    assert not faults


def made(app: App, **values: Any) -> tuple[Picture, ...]:
    """The pictures of a job."""
    return pictures(app, app.submit(replace(REQUEST, **values), ME))


def pictures(app: App, job: str) -> tuple[Picture, ...]:
    ending = ended(app, job)
    assert ending.state == "done", ending.error
    return app.desk("inside").job(job, ME).pictures


@pytest.fixture(scope="module")
def first(app: App) -> Picture:
    (picture,) = made(app, sampler="Euler a")
    return picture


def asked(app: App, method: str, path: str, owner: str = ME, body: Any = None, **query: str) -> list[Any]:
    """Each line of the answer."""
    route = app.host.route("inside", method, path)
    call = Call(owner, query, b"" if body is None else json.dumps(body).encode())
    answer = app.host.reply(route, call, app.desk("inside")).body
    text = answer if isinstance(answer, bytes) else b"".join(answer)
    return [json.loads(line) for line in text.splitlines()]


def branch(app: App, picture: Picture, step: int, **changes: Any) -> tuple[Picture, ...]:
    (told,) = asked(app, "POST", "branch", body={"picture": picture.id, "step": step, **changes})
    return pictures(app, told["id"])


def pixels(app: App, picture: Picture) -> bytes:
    with Image.open(app.gallery.file(picture.id, ME)) as image:
        return image.tobytes()


def test_it_says_how_much_noise_each_step_began_with(app: App, first: Picture) -> None:
    (known,) = asked(app, "GET", "steps", picture=first.id)
    assert len(known["sigmas"]) == 5
    assert sorted(known["sigmas"], reverse=True) == known["sigmas"]
    assert (known["prompt"], known["cfg_scale"], known["sampler_after"]) == ("a cat", 4.0, ["Euler a"] * 5)


def test_each_step_has_a_quick_look_and_they_are_kept(app: App, first: Picture) -> None:
    quick = asked(app, "GET", "looks", picture=first.id)
    assert [line["step"] for line in quick] == [0, 1, 2, 3, 4]
    assert all(line["src"].startswith("data:image/jpeg;base64,") for line in quick)
    assert len({line["src"] for line in quick}) == 5
    assert "looks-3" in app.desk("inside").attachments(first.job)
    assert asked(app, "GET", "looks", picture=first.id) == quick


def test_a_step_is_decoded_as_a_whole_when_asked_for(app: App, first: Picture) -> None:
    (look,) = asked(app, "GET", "looks", picture=first.id, step="2")
    assert look["step"] == 2
    assert asked(app, "GET", "looks", picture=first.id, step="3")[0]["src"] != look["src"]


def test_a_step_that_was_never_made_is_refused(app: App, first: Picture) -> None:
    (told,) = asked(app, "GET", "looks", picture=first.id, step="5")
    assert told["error"] == "this picture has the steps 0 to 4, got '5'"


def test_a_branch_without_changes_is_the_same_picture_with_its_parent(app: App, first: Picture) -> None:
    (same,) = branch(app, first, 3)
    assert pixels(app, same) == pixels(app, first)
    assert same.request is not None
    assert (same.request.parent, same.request.origin) == (first.id, "branch")
    assert [one.id for one in app.gallery.ancestors(same.id, ME)] == [first.id]


def test_a_branch_with_changes_is_another_one_and_can_be_left_again(app: App, first: Picture) -> None:
    (other,) = branch(app, first, 3, prompt="a rocket", sampler="Heun", noise_seed=9)
    assert pixels(app, other) != pixels(app, first)
    (again,) = branch(app, other, 4)
    assert pixels(app, again) == pixels(app, other)
    (early,) = branch(app, other, 1, prompt="a cat", sampler="Euler a")
    assert pixels(app, early) == pixels(app, first), "its first three steps are the first picture's"


def test_one_of_a_batch_goes_on_alone_and_unchanged_with_all(app: App) -> None:
    one, two = made(app, sampler="Euler a", count=2, batch_size=2)
    (alone,) = branch(app, two, 2, cfg_scale=9)
    assert alone.seed == two.seed
    assert [pixels(app, each) for each in branch(app, two, 2)] == [pixels(app, one), pixels(app, two)]


def test_the_branch_in_the_request_makes_the_picture_again(app: App, first: Picture) -> None:
    (other,) = branch(app, first, 2, prompt="a rocket")
    assert isinstance(other.request, GenerationRequest)
    (again,) = pictures(app, app.submit(other.request, ME))
    assert pixels(app, again) == pixels(app, other)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sampler": "Runge"}, "no sampler 'Runge'"),
        ({"cfg_scale": "x"}, "CFG scale is 0 to 100"),
        ({"noise_seed": -1}, "seed of the noise"),
        ({"prompt": 5}, "are texts"),
        ({"steps": 5}, "a branch says"),
        ({"step": 5}, "after 0 to 4 steps"),
    ],
)
def test_a_branch_that_cannot_be_is_refused_with_a_sentence(
    app: App, first: Picture, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        asked(app, "POST", "branch", body={"picture": first.id, "step": 2, **changes})


def test_pictures_of_others_have_no_inside(app: App, first: Picture) -> None:
    with pytest.raises(NotThere):
        asked(app, "GET", "steps", owner="somebody", picture=first.id)


def test_nobody_branches_from_the_record_of_others(app: App, first: Picture) -> None:
    (other,) = branch(app, first, 2)
    assert other.request is not None
    failed = app.queue.journal.get(app.submit(other.request, "somebody"), "somebody")
    while failed.state in {"waiting", "running"}:
        failed = app.queue.journal.get(failed.id, "somebody")
    assert "not kept any more" in failed.error


def test_an_old_picture_says_that_its_steps_are_not_kept(app: App) -> None:
    app.extending.change_settings("inside", {"keep": False})
    (old,) = made(app, seed=90)
    app.extending.change_settings("inside", {"keep": True})
    (known,) = asked(app, "GET", "steps", picture=old.id)
    assert known["missing"].startswith("the steps of this picture are not kept; make it again")


def test_the_oldest_records_go_when_there_is_no_room(app: App, first: Picture) -> None:
    from extensions.inside.kept import make_room

    desk = app.desk("inside")
    *_, newest = desk.pieces()
    make_room(desk, newest.size)
    assert [piece.key for piece in desk.pieces()] == [newest.key]
    assert "not kept" in asked(app, "GET", "steps", picture=first.id)[0]["missing"]


def test_nobody_looks_at_words_until_somebody_asks_and_then_it_is_kept(app: App) -> None:
    (picture,) = made(app, sampler="Euler a", seed=40, steps=3)
    assert asked(app, "GET", "words", picture=picture.id) == [{"missing": True}]
    told = asked(app, "GET", "words", picture=picture.id, make="1")
    assert [one["step"] for one in told] == [0, 1, 2]
    assert told[0]["words"] == [[0, "a"], [0, "cat"]]
    assert asked(app, "GET", "words", picture=picture.id) == told


def test_words_of_a_branch_are_those_of_its_own_way(app: App) -> None:
    (picture,) = made(app, sampler="Euler a", seed=42, steps=3)
    (other,) = branch(app, picture, 1, prompt="a rocket", sampler="Heun", noise_seed=9)
    told = asked(app, "GET", "words", picture=other.id, make="1")
    assert [one["step"] for one in told] == [0, 1, 2]
    assert told[2]["words"] == [[0, "a"], [0, "rocket"]]


def test_words_are_watched_while_a_picture_is_made_if_somebody_wants_it(app: App) -> None:
    app.extending.change_settings("inside", {"watch": True})
    (picture,) = made(app, seed=43, steps=2)
    app.extending.change_settings("inside", {"watch": False})
    assert [one["step"] for one in asked(app, "GET", "words", picture=picture.id)] == [0, 1]


def test_the_channels_of_a_step_say_mean_and_deviation(app: App) -> None:
    (picture,) = made(app, seed=44, steps=2)
    (channels,) = asked(app, "GET", "latent", picture=picture.id, step="1")
    assert [channel["grid"] for channel in channels] == [[12, 16]] * 4
    assert all(channel["deviation"] > 0 for channel in channels)


def test_a_step_can_be_taken_to_pieces(app: App) -> None:
    (picture,) = made(app, seed=45, steps=2)
    pieces = {piece["name"]: piece for piece in asked(app, "GET", "parts", picture=picture.id, step="1")}
    assert list(pieces) == ["start", "x", "cond", "uncond", "difference"]
    assert abs(pieces["start"]["channels"][0]["deviation"] / 14.6 - 1) < 0.2, "noise of the first level"
    assert pieces["difference"]["src"] == ""
    assert pieces["cond"]["src"] != pieces["uncond"]["src"]
    means = [pieces[name]["channels"][2]["mean"] for name in ("cond", "uncond", "difference")]
    assert means[0] - means[1] == pytest.approx(means[2], abs=1e-5)


def test_without_guidance_there_is_one_answer(app: App) -> None:
    (picture,) = made(app, seed=46, steps=2, cfg_scale=1)
    assert [one["name"] for one in asked(app, "GET", "parts", picture=picture.id, step="0")] == ["start", "x", "cond"]


def test_the_vae_alone_loses_something_and_says_how_much(app: App, first: Picture) -> None:
    (told,) = asked(app, "GET", "vae", picture=first.id)
    assert told["mean"] > 0
    assert 0 < told["psnr"] < 60
    assert all(told[name].startswith("data:image/png") for name in ("before", "after", "lost"))
    (told,) = asked(app, "GET", "vae", picture=first.id, source="1")
    assert "did not start from another" in told["error"]


def test_a_picture_from_a_picture_shows_its_noised_start(app: App, first: Picture) -> None:
    image = app.inputs.put(ME, app.gallery.file(first.id, ME).read_bytes()).id
    (picture,) = made(app, seed=47, image=image, strength=0.4)
    (known,) = asked(app, "GET", "steps", picture=picture.id)
    assert known["image"]
    (start, *_) = asked(app, "GET", "parts", picture=picture.id, step="0")
    assert start["channels"][0]["deviation"] < 10, "less noise than a start from noise alone has"
    (told,) = asked(app, "GET", "vae", picture=picture.id, source="1")
    assert told["mean"] > 0


def test_the_tour_ends_with_the_figures_of_the_starter_where_they_are(app: App, inside: Studio) -> None:
    with pytest.raises(NotThere, match=r"starter-evaluation\.json"):
        asked(app, "GET", "experiment")
    copy = inside.models / "Stable-diffusion" / "starter-evaluation.json"
    copy.write_bytes((EXTENSIONS.parent / "models" / "Stable-diffusion" / copy.name).read_bytes())
    (figures,) = asked(app, "GET", "experiment")
    copy.unlink()
    assert figures["papers"]["held-out thing and hand"]["concept"]["n"] == 512
    assert figures["copies"]["n"] == 1024


def test_words_of_a_picture_in_fast_mode_are_found_too(app: App) -> None:
    (picture,) = made(app, seed=48, steps=5, fast_every=2)
    assert [one["step"] for one in asked(app, "GET", "words", picture=picture.id, make="1")] == [0, 1, 2, 3, 4]
