"""What the page asks about a picture beside its steps: where its words look, the pieces of a step, the VAE alone."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from io import BytesIO
from typing import Any

from PIL import Image

from modules.hooks import BadRequest, Call, Desk, GenerationRequest, NotThere, Picture, Reply, TaffyError

from .channels import channels
from .difference import data_url, difference
from .kept import own_seed, record_of
from .record import Record
from .routes import line, whole
from .turns import in_turns

WORDS = "words-{seed}"  # the key under which maps are kept
SERIES = "pictures of a series look at each other at every step, so one of them cannot be looked at alone"


def latent(call: Call, desk: Desk) -> Reply:
    """GET latent?picture=<id>&step=<n>: the channels of what the network said at a step."""
    picture = desk.picture(call.query.get("picture", ""), call.owner)
    record = record_of(picture, desk)
    seed = own_seed(picture)
    call_ = record.alone(seed).at(whole(call.query.get("step", ""), record))
    return Reply.json(channels(call_.x0[0]))


def words(call: Call, desk: Desk) -> Reply:
    """GET words?picture=<id>[&make=1]: a line for each step (`maps.line`); {"missing"} where nobody has looked yet."""
    picture = desk.picture(call.query.get("picture", ""), call.owner)
    return Reply(_told(_words(picture, desk, bool(call.query.get("make")))), "application/x-ndjson")


def _words(picture: Picture, desk: Desk, make: bool) -> Iterator[bytes]:
    key = WORDS.format(seed=own_seed(picture))
    if key in desk.attachments(picture.job):
        yield desk.attached(picture.job, key)
        return
    if not make:
        yield line({"missing": True})
        return
    record, request = replayable(picture, desk)
    told = []

    def ask(steps: Sequence[int]) -> Iterator[Any]:
        return _asked(picture, desk, "words", {"request": request, "steps": list(steps)}, record)

    for one in in_turns(range(record.steps), ask):
        told.append(one.data)
        yield one.data
    if not told:
        raise NotThere(
            "no word was asked", "the prompt has none, or this checkpoint has no layers of its own for words"
        )
    desk.attach(picture.job, key, b"".join(told))


def parts(call: Call, desk: Desk) -> Reply:
    """GET parts?picture=<id>&step=<n>: a line for each of `parts.parts`, with "src"."""
    picture = desk.picture(call.query.get("picture", ""), call.owner)
    return Reply(_told(_parts(picture, desk, call.query.get("step", ""))), "application/x-ndjson")


def _parts(picture: Picture, desk: Desk, text: str) -> Iterator[bytes]:
    record, request = replayable(picture, desk)
    step = whole(text, record)
    finer = len(record.passes) > 1 and step >= record.passes[0]
    cfg = (finer and request.get("hires_cfg_scale")) or request["cfg_scale"]
    for one in _asked(picture, desk, "parts", {"request": request, "step": step, "cfg_scale": cfg}, record):
        about: Any = one.message
        yield line({**about, "src": _src(one.data) if one.data else ""})


def vae(call: Call, desk: Desk) -> Reply:
    """GET vae?picture=<id>[&source=1]: a picture, or the one it started from, through the VAE and back."""
    picture = desk.picture(call.query.get("picture", ""), call.owner)
    return Reply(_told(_vae(picture, desk, bool(call.query.get("source")))), "application/x-ndjson")


def _vae(picture: Picture, desk: Desk, source: bool) -> Iterator[bytes]:
    request = picture.request
    if request is None or (source and not request.image):
        raise NotThere("this picture did not start from another one", "look at the picture itself")
    png = desk.input_png(request.image, picture.owner) if source else desk.png(picture.id, picture.owner)
    payload: Any = {"checkpoint": request.checkpoint, "vae": request.vae}
    for one in desk.ask(picture.job, "round trip", payload, {"picture": png}):
        back = Image.open(BytesIO(one.data)).convert("RGB")
        before = Image.open(BytesIO(png)).convert("RGB").crop((0, 0, *back.size))
        found = difference(before, back)
        about = {"mean": found.mean, "psnr": found.psnr, "lost": found.src}
        yield line({**about, "before": data_url(before, "PNG"), "after": data_url(back, "PNG")})


def replayable(picture: Picture, desk: Desk) -> tuple[Record, dict[str, Any]]:
    """The steps of a picture alone, and its request as JSON. Raises NotThere, BadRequest."""
    record = record_of(picture, desk)
    request = picture.request
    assert request is not None  # it has a record
    if request.style_mode == "series":
        raise BadRequest(SERIES)
    usual = asdict(GenerationRequest())
    needed = {"checkpoint", "vae", "cfg_scale"}
    values = {name: value for name, value in asdict(request).items() if name in needed or value != usual[name]}
    return record.alone(own_seed(picture)), values


def _asked(picture: Picture, desk: Desk, name: str, payload: dict[str, Any], record: Record) -> Iterator[Any]:
    """What the worker half answers about a picture, whose input pictures and steps go along."""
    assert picture.request is not None
    given = {f"input.{id}": png for id, png in desk.inputs(picture.request, picture.owner).items()}
    yield from desk.ask(picture.job, name, payload, {"steps": record.packed(), **given})


def _src(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


def _told(told: Iterator[bytes]) -> Iterator[bytes]:
    """The engine may be busy for minutes: errors are told on the way."""
    try:
        yield from told
    except TaffyError as error:
        yield line({"error": error.message, "advice": error.advice})
