"""What the tab asks over HTTP: what is known of a picture's steps, how they look, and a branch."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from modules.hooks import BadRequest, Call, Desk, NotThere, Picture, Reply, TaffyError

from .kept import own_seed, record_of
from .leaving import Changes, branched, sampler_after, why_not
from .record import Record

QUICK = "looks-{seed}"  # the key under which quick looks are kept
MAX_PROMPT = 20_000
STARTER = "starter"  # is in the name of the checkpoint that comes with Taffy


def steps(call: Call, desk: Desk) -> Reply:
    """GET steps?picture=<id>: the noise of each step, what was asked for, and what can be changed.

    {"missing": why} for a picture that has none.
    """
    picture = desk.picture(call.query.get("picture", ""), call.owner)
    try:
        record = record_of(picture, desk)
    except NotThere as error:
        return Reply.json({"missing": f"{error.message}; {error.advice}"})
    request = picture.request
    assert request is not None  # it has a record
    return Reply.json(
        {
            "id": picture.id,
            "way": f"{picture.job} {own_seed(picture)}",
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "cfg_scale": request.cfg_scale,
            "seed": picture.seed,
            "width": picture.width,
            "height": picture.height,
            "sigmas": [first_sigma(record, step) for step in range(record.steps)],
            "passes": record.passes,
            "pictures": record.pictures,
            "samplers": list(desk.sampler_names()),
            "sampler_after": [sampler_after(request, step) for step in range(record.steps)],
            "why_not": why_not(request),
            "image": bool(request.image),
            "starter": STARTER in request.checkpoint.casefold(),
        }
    )


def first_sigma(record: Record, step: int) -> float:
    """The noise at the beginning of a step."""
    return next(call.sigma for call in record.calls if call.step == step)


def looks(call: Call, desk: Desk) -> Reply:
    """GET looks?picture=<id>[&step=<n>]: quick looks at all steps, or a whole one at one of them.

    One line of JSON each, {"step", "src"}; {"error"} where it ends early. Quick ones are kept for the next time.
    """
    picture = desk.picture(call.query.get("picture", ""), call.owner)
    return Reply(lines(picture, desk, call.query.get("step", "")), "application/x-ndjson")


def lines(picture: Picture, desk: Desk, step: str) -> Iterator[bytes]:
    """The engine may be busy for minutes: this runs while the answer is on its way."""
    try:
        record = record_of(picture, desk)
        if step:
            yield from asked(picture, record, desk, (whole(step, record),), quick=False)
        else:
            yield from quick_looks(picture, record, desk)
    except TaffyError as error:
        yield line({"error": error.message, "advice": error.advice})


def quick_looks(picture: Picture, record: Record, desk: Desk) -> Iterator[bytes]:
    key = QUICK.format(seed=own_seed(picture))
    if key in desk.attachments(picture.job):
        yield desk.attached(picture.job, key)
        return
    told = []
    for one in asked(picture, record, desk, tuple(range(record.steps)), quick=True):
        told.append(one)
        yield one
    desk.attach(picture.job, key, b"".join(told))


def asked(picture: Picture, record: Record, desk: Desk, wanted: tuple[int, ...], quick: bool) -> Iterator[bytes]:
    """What the worker half answers."""
    request = picture.request
    assert request is not None
    payload: dict[str, Any] = {
        "checkpoint": request.checkpoint,
        "vae": request.vae,
        "steps": list(wanted),
        "quick": quick,
    }
    needed = record.alone(own_seed(picture)).only(wanted)
    for piece in desk.ask(picture.job, "looks", payload, {"steps": needed.packed()}):
        message: Any = piece.message
        yield line({"step": message["step"], "src": f"data:image/jpeg;base64,{b64encode(piece.data).decode()}"})


def whole(text: str, record: Record) -> int:
    """A 0-based step. Raises BadRequest."""
    if not text.isdecimal() or int(text) >= record.steps:
        raise BadRequest(f"this picture has the steps 0 to {record.steps - 1}, got {text!r:.40}")
    return int(text)


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def branch(call: Call, desk: Desk) -> Reply:
    """POST branch {"picture", "step", and what changes: see `Changes`}: {"id": of the new job}."""
    values = body(call)
    picture = desk.picture(str(values.pop("picture", "")), call.owner)
    step = values.pop("step", None)
    known = {one.name: one.type for one in fields(Changes)}
    if not isinstance(step, int) or values.keys() - known:
        raise BadRequest(f"a branch says picture, step and what changes: {', '.join(known)}")
    record = record_of(picture, desk)
    job = desk.submit(branched(picture, record, step, checked(values, desk)), call.owner)
    return Reply.json({"id": job}, 202)


def body(call: Call) -> dict[str, Any]:
    try:
        values = call.json()
    except ValueError as error:
        raise BadRequest(f"this is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadRequest("a branch is a JSON object")
    return values


def checked(values: dict[str, Any], desk: Desk) -> Changes:
    """Raises BadRequest; ranges are the request's own to check."""
    texts = [values.get(name) for name in ("prompt", "negative_prompt", "sampler")]
    cfg, seed = values.get("cfg_scale"), values.get("noise_seed")
    if not all(text is None or isinstance(text, str) for text in texts):
        raise BadRequest("prompt, negative prompt and sampler are texts")
    if cfg is not None and (isinstance(cfg, bool) or not isinstance(cfg, int | float) or not 0 <= cfg <= 100):
        raise BadRequest(f"the CFG scale is 0 to 100, got {cfg!r:.40}")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**53):
        raise BadRequest(f"the seed of the noise is 0 to {2**53 - 1}, got {seed!r:.40}")
    if max(len(text or "") for text in texts) > MAX_PROMPT:
        raise BadRequest(f"a prompt may have {MAX_PROMPT:,} characters")
    sampler = values.get("sampler")
    if sampler and sampler not in desk.sampler_names():
        raise BadRequest(f"there is no sampler {sampler!r:.60}", f"known: {', '.join(desk.sampler_names())}")
    return Changes(**values)
