"""A picture leaves with its making in its file, and comes in with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from io import BytesIO

from PIL import Image

from modules.hooks import BadRequest, Call, Desk, GenerationRequest, NotThere, Picture, Reply

from .carried import Making, making_of, renamed
from .chunk import chunk_of, with_chunk, without_chunk
from .kept import own_seed, record_of
from .routes import QUICK


def carry(call: Call, desk: Desk) -> Reply:
    """GET carry?picture=<id>: its file with its making in it."""
    picture = desk.picture(call.query.get("picture", ""), call.owner)
    png = desk.png(picture.id, picture.owner)
    return Reply(with_chunk(png, made(picture, png, desk).packed()), "image/png")


def made(picture: Picture, png: bytes, desk: Desk) -> Making:
    """All that is known of it here. Raises NotThere where its steps are not kept."""
    request, record = picture.request, record_of(picture, desk).alone(own_seed(picture))
    assert request is not None  # it has a record
    looks = b""
    with suppress(NotThere):
        looks = desk.attached(picture.job, QUICK.format(seed=own_seed(picture)))
    return Making(request, facts_of(png), record, looks, desk.inputs(request, picture.owner))


def facts_of(png: bytes) -> dict[str, str]:
    """What the record in a gallery's file says beyond the request."""
    with Image.open(BytesIO(png), formats=("PNG",)) as image:
        text = image.info.get("taffy", "{}")
    facts: dict[str, str] = json.loads(text).get("facts", {})
    return facts


def bring(call: Call, desk: Desk) -> Reply:
    """POST bring, the file as the body: {"id": of the picture here, "note"}."""
    making = making_of(chunk_of(call.body))
    names = {id: desk.bring(png, call.owner) for id, png in making.inputs.items()}
    request = renamed(making.request, names)
    checkpoint, note = checkpoint_here(request, making.facts, desk)
    request = replace(request, checkpoint=checkpoint, count=1, batch_size=1, variants=(), parent="", origin="brought")
    picture = desk.adopt(without_chunk(call.body), request, making.facts, call.owner)
    record = replace(making.record, seed=own_seed(picture))
    desk.attach(picture.job, record.key, record.packed())
    if making.looks:
        desk.attach(picture.job, QUICK.format(seed=own_seed(picture)), making.looks)
    return Reply.json({"id": picture.id, "note": note}, 201)


def checkpoint_here(request: GenerationRequest, facts: Mapping[str, str], desk: Desk) -> tuple[str, str]:
    """What to call its checkpoint here, and what to say if it may not be there. Raises BadRequest without a name."""
    name = request.checkpoint
    if not name:
        raise BadRequest("what this picture says of its making names no checkpoint", "it may be damaged")
    if name in {card.name for card in desk.checkpoints()}:
        return name, ""
    known = facts.get("Model hash", "")
    note = (
        f"the checkpoint {name} is not here under this name: its steps can be seen where quick looks came with it, "
        "but nothing can be painted or verified until it is there"
    )
    return (f"{name} [{known}]" if known else name), note
