"""How much each word weighs: the same picture made again without it, as ordinary jobs, and how far each is from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from typing import Any

from PIL import Image

from modules.hooks import BadRequest, Call, Desk, GenerationRequest, NotThere, Picture, Reply, TaffyError

from .difference import difference
from .kept import own_seed
from .routes import body

KEY = "weights-{seed}"  # on the picture's job: which words were left out, by which jobs
MOVED = "moved"  # on the job that leaves a word out: how far its picture is from the whole one
MOST = 24  # words at once
SIDE = 256  # pixels of the longer side of what is compared
LITTLE = frozenset({"a", "an", "the", "of", "on", "in", "at", "by", "with", "and", "or", "to", "from", "for", "as"})
LIVING = frozenset({"waiting", "running"})


@dataclass(frozen=True)
class Left:
    """A word that was left out: its place among the prompt's words, and the job that makes the rest."""

    place: int
    word: str
    job: str


def weights(call: Call, desk: Desk) -> Reply:
    """GET weights?picture=<id>: {"words": that can be left out, "left": what became of those that were}."""
    picture = _picture(call.query.get("picture", ""), call.owner, desk)
    return Reply.json({"words": _words(picture, desk), "left": _shown(picture, desk)})


def weigh(call: Call, desk: Desk) -> Reply:
    """POST weigh {"picture", "words": places}: a job for each, and what GET weights says."""
    values = body(call)
    picture = _picture(str(values.get("picture", "")), call.owner, desk)
    request = picture.request
    assert request is not None
    whole = desk.without_words(request.prompt)
    places = values.get("words")
    if not isinstance(places, list) or not all(isinstance(one, int) and 0 <= one < len(whole) for one in places):
        raise BadRequest(f"say which of the {len(whole)} words to leave out, by their places")
    if not 0 < len(set(places)) <= MOST:
        raise BadRequest(f"at most {MOST} words can be left out at once, got {len(places)}")
    kept = {one.place: one for one in _kept(picture, desk) if one.place not in places or _is_living(one, desk, picture)}
    for place in sorted(set(places) - kept.keys()):
        word, prompt = whole[place]
        kept[place] = Left(place, word, desk.submit(_without(picture, request, word, prompt), call.owner))
        _keep(picture, desk, kept.values())
    return Reply.json({"words": _words(picture, desk), "left": _shown(picture, desk)}, 202)


def stop(call: Call, desk: Desk) -> Reply:
    """POST weigh-stop {"picture"}: those that wait or run are cancelled."""
    picture = _picture(str(body(call).get("picture", "")), call.owner, desk)
    for one in _kept(picture, desk):
        if _is_living(one, desk, picture):
            desk.cancel(one.job, call.owner)
    return Reply.json({"words": _words(picture, desk), "left": _shown(picture, desk)})


def _picture(id: str, owner: str, desk: Desk) -> Picture:
    picture = desk.picture(id, owner)
    if picture.request is None or picture.request.style_mode == "colour":
        raise NotThere("this picture did not come out of words", "look at the one before")
    return picture


def _without(picture: Picture, request: GenerationRequest, word: str, prompt: str) -> GenerationRequest:
    return replace(request, prompt=prompt, parent=picture.id, origin=f"without {word}"[:40], count=1, batch_size=1)


def _words(picture: Picture, desk: Desk) -> list[dict[str, Any]]:
    """usual: whether a person would leave it out to see what happens."""
    assert picture.request is not None
    found = desk.without_words(picture.request.prompt)
    return [{"word": word, "usual": word.casefold() not in LITTLE} for word, _ in found]


def _shown(picture: Picture, desk: Desk) -> list[dict[str, Any]]:
    """distance: mean colour difference to the whole picture; None until it is known. map: where, a data URL."""
    return [_row(one, picture, desk) for one in _kept(picture, desk)]


def _row(one: Left, picture: Picture, desk: Desk) -> dict[str, Any]:
    row = asdict(one) | {"distance": None, "map": "", "picture": ""}
    try:
        job = desk.job(one.job, picture.owner)
        row |= {"state": job.state, "error": job.error}
        if job.pictures:
            row |= {"picture": job.pictures[0].id, **_moved(picture, job.pictures[0], desk)}
    except TaffyError as error:
        row |= {"state": "failed", "error": error.message}
    return row


def _moved(picture: Picture, other: Picture, desk: Desk) -> dict[str, Any]:
    """How far a picture is from the whole prompt's; kept with its job, because it is worth computing once."""
    if MOVED in desk.attachments(other.job):
        kept: dict[str, Any] = json.loads(desk.attached(other.job, MOVED))
        return kept
    found = difference(*(_small(desk.png(each.id, each.owner)) for each in (picture, other)))
    moved = {"distance": found.mean, "map": found.src}
    desk.attach(other.job, MOVED, json.dumps(moved).encode())
    return moved


def _small(png: bytes) -> Image.Image:
    picture = Image.open(BytesIO(png)).convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    return picture


def _is_living(one: Left, desk: Desk, picture: Picture) -> bool:
    try:
        return desk.job(one.job, picture.owner).state in LIVING
    except NotThere:
        return False


def _kept(picture: Picture, desk: Desk) -> list[Left]:
    key = KEY.format(seed=own_seed(picture))
    if key not in desk.attachments(picture.job):
        return []
    rows: Sequence[Mapping[str, Any]] = json.loads(desk.attached(picture.job, key))
    return [Left(row["place"], row["word"], row["job"]) for row in rows]


def _keep(picture: Picture, desk: Desk, lefts: Any) -> None:
    rows = [asdict(one) for one in sorted(lefts, key=lambda one: one.place)]
    desk.attach(picture.job, KEY.format(seed=own_seed(picture)), json.dumps(rows).encode())
