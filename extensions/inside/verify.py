"""Verify: make a picture once more and say whether it is the same to the bit, or what differs and why that may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from io import BytesIO
from typing import Any

from PIL import Image

from modules.hooks import Call, Desk, GenerationRequest, Picture, Reply, TaffyError

from .branch import EXTRA, Branch, branch_of
from .carrying import facts_of
from .kept import own_seed, record_of
from .record import Record
from .routes import line

SILENT = frozenset({"Attention because"})  # it follows from others
HASH = "Model hash"
ROUNDS = {
    "Threads": "another number of threads",
    "Vector units": "another kind of processor",
    "System": "another system",
    "Device": "another device",
    "Precision": "another precision",
    "Attention": "another attention kernel",
    "Torch": "another version of torch",
    "Diffusers": "another version of diffusers",
    "Transformers": "another version of transformers",
    "Numpy": "another version of numpy",
    "Version": "another version of Taffy",
}  # what makes a computer round numbers otherwise, in plain words
USUAL = (
    "Here it was made with {others}. Computers round a little differently then, so small differences are usual and "
    "nothing bad; only a picture that looks another one was not made as it says."
)
OTHER_WEIGHTS = (
    "It was made with another checkpoint of this name, so it cannot come out the same here. Look for the one whose "
    "hash is {hash}."
)
UNEXPLAINED = (
    "Checkpoint, programs, device and settings are those of then, so rounding does not explain this: the picture, or "
    "what it says of its making, was changed after it was made."
)
PARTLY = "The steps up to {step} were taken from its record, as the branch took them; the rest was painted anew."
ALONE = (
    "It was made in a batch of {pictures}, whose other pictures did not travel with it: alone it may round differently."
)


def verify(call: Call, desk: Desk) -> Reply:
    """POST verify?picture=<id>: {"step", "of"} as lines of JSON while it is made again, then what `verdict` says."""
    picture = desk.picture(call.query.get("picture", ""), call.owner)
    return Reply(_told(picture, desk), "application/x-ndjson")


def _told(picture: Picture, desk: Desk) -> Iterator[bytes]:
    try:
        record = record_of(picture, desk)
        png = desk.png(picture.id, picture.owner)
        request, index = again(picture, record)
        payload: dict[str, Any] = {"request": asdict(request), "index": index, "seed": own_seed(picture)}
        with Image.open(BytesIO(png), formats=("PNG",)) as image:
            payload |= {"width": image.width, "height": image.height}
            given = {"pixels": image.convert("RGB").tobytes(), "steps": record.packed()}
        given |= {f"input.{id}": data for id, data in desk.inputs(request, picture.owner).items()}
        for piece in desk.ask(picture.job, "verify", payload, given):
            told: Any = piece.message
            if "facts" not in told:
                yield line(told)
                continue
            then = {**facts_of(png), **record.made}
            yield line(verdict(told, then, remarks(request, record)))
    except TaffyError as error:
        yield line({"error": error.message, "advice": error.advice})


def again(picture: Picture, record: Record) -> tuple[GenerationRequest, int]:
    """The request that makes its whole batch again, and which of it the picture is.

    A branch begins with its own recorded steps, so that it needs no other picture.
    """
    request, seed = picture.request, own_seed(picture)
    assert request is not None  # it has a record
    left = branch_of(request)
    first, count = (record.seed, record.pictures) if left else record.together
    extras = {name: value for name, value in request.extras.items() if name != EXTRA}
    if left:
        extras[EXTRA] = Branch(picture.job, record.key, left.step, None, left.turns).extra()
    own: dict[str, Any] = {"variation_seed" if request.variation_strength else "seed": first}
    whole = replace(request, **own, count=count, batch_size=count, extras=extras, preview="off")
    return whole, seed - first


def remarks(request: GenerationRequest, record: Record) -> list[str]:
    """What to know of how it was made again."""
    left, notes = branch_of(request), []
    if left and left.step:
        notes.append(PARTLY.format(step=left.step))
    if left and record.batch[1] > 1:
        notes.append(ALONE.format(pictures=record.batch[1]))
    return notes


def verdict(told: Mapping[str, Any], then: Mapping[str, str], notes: list[str]) -> dict[str, Any]:
    """{"equal", "said", "why", "notes", "differs": [[what, then, now]]} from what the worker half found."""
    now: Mapping[str, str] = told["facts"]
    keys = [key for key in dict.fromkeys([*then, *now]) if key not in SILENT]
    differs = [[key, then.get(key, ""), now.get(key, "")] for key in keys if then.get(key) != now.get(key)]
    if not (then.get(HASH) and now.get(HASH)):
        notes = [*notes, "The hash of the checkpoint is not known, so it may be another one of this name."]
        differs = [one for one in differs if one[0] != HASH]
    reason = "" if told["equal"] else why([key for key, *_ in differs], then.get(HASH, ""))
    return {"equal": told["equal"], "said": sentence(told), "why": reason, "notes": notes, "differs": differs}


def why(differs: Sequence[str], known_hash: str) -> str:
    """What may explain that it did not come out the same, in plain words."""
    if HASH in differs:
        return OTHER_WEIGHTS.format(hash=known_hash)
    if others := [ROUNDS[key] for key in differs if key in ROUNDS]:
        return USUAL.format(others=" and ".join(filter(None, [", ".join(others[:-1]), others[-1]])))
    return "" if differs else UNEXPLAINED


def sentence(told: Mapping[str, Any]) -> str:
    if told["equal"]:
        return "The same to the bit: every answer of the network, and every pixel."
    if told["pixels"] is None:
        return "Not the same: it has another size now."
    way = f"the ways part at step {told['step']}"
    if not told["pixels"]:
        return f"Every pixel is the same, but {way}, by too little to be seen."
    if told["step"] is None:
        way = "every answer of the network is the same, so it is the VAE, or what comes after it"
    share = told["pixels"] / told["of"]
    return f"Not the same: {share:.2%} of the pixels differ, by at most {told['largest']} of 255 levels; {way}."
