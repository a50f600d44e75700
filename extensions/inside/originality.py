"""Is this picture in that folder? By a perceptual hash and by where the VAE puts it, and what that can prove."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from modules.hooks import Call, Desk, NotThere, Picture, Reply, TaffyError

from . import library
from .hashing import BITS, apart, perceptual_hash
from .routes import STARTER, line

SAME_BITS, NEAR_BITS = 4, 8  # of 64 bits that differ; bench `copies` has measured how often either is wrong
SHOWN = 6
AT_ONCE = 32  # pictures that are encoded before other jobs may go on
TELL_EVERY = 50  # files
THUMB = 256  # pixels
SAMPLE = 300  # pictures of the folder whose own nearest neighbours are the yardstick
HERE = "folders of this computer can be named by its owner only, sitting at it"
FOUND = "A picture of this folder is the same or nearly so: the first one beside it."
NEAR = "A picture of this folder is unusually near. Look at the first one: you decide whether it is a copy."
FAR = "No picture of this folder is a near copy of this one."
LIMITS = (
    "What this can show: that a picture was copied as a whole, also made smaller, saved again, a little recoloured or "
    "mirrored. What it cannot show: that a part was copied, that it was turned or cut, that a manner was imitated; "
    "and it knows only the pictures of this folder, never all that a checkpoint was trained on. Finding nothing "
    "proves nothing more than that."
)
TRAINED = (
    "Compared with all {of:,} pictures that the starter's network was trained on, by 64 numbers kept of each; what is "
    "shown was painted from these numbers, so it is softer than the pictures were."
)


def originality(call: Call, desk: Desk) -> Reply:
    """GET originality?picture=<id>&folder=<path>, or &against=training for the starter. Lines of JSON:

    {"doing", "done", "of"} on the way, {"near": {"name", "src", "bits", "distance", "mirrored"}} for each neighbour, at
    last {"said", "limits", "measure", "unreadable"}. Closing the answer stops it.
    """
    picture = desk.picture(call.query.get("picture", ""), call.owner)
    if call.query.get("against") == "training":
        return Reply(_told(_trained(picture, desk)), "application/x-ndjson")
    if not call.here:
        raise NotThere(HERE, "open Taffy's page on that computer as http://localhost")
    paths = library.pictures_in(call.query.get("folder", ""))
    return Reply(_told(_compared(picture, paths, call.query["folder"], desk)), "application/x-ndjson")


def _told(told: Iterator[bytes]) -> Iterator[bytes]:
    """The engine may be busy for minutes: errors are told on the way."""
    try:
        yield from told
    except TaffyError as error:
        yield line({"error": error.message, "advice": error.advice})


def _names(picture: Picture) -> dict[str, Any]:
    """Whose VAE looks at it."""
    if picture.request is None:
        raise NotThere("this picture was only made larger", "look at the one before")
    return {"checkpoint": picture.request.checkpoint, "vae": picture.request.vae}


def _side(picture: Picture, desk: Desk) -> tuple[int, str]:
    (piece,) = desk.ask(picture.job, "side", _names(picture))
    about: Any = piece.message
    return about["side"], about["key"]


def _image(picture: Picture, desk: Desk) -> Image.Image:
    return Image.open(BytesIO(desk.png(picture.id, picture.owner))).convert("RGB")


def _points(pixels: list[bytes], picture: Picture, desk: Desk) -> NDArray[np.float32]:
    (piece,) = desk.ask(picture.job, "points", _names(picture), {"pixels": b"".join(pixels)})
    return np.frombuffer(piece.data, "<f4").reshape(len(pixels), -1)


def _compared(picture: Picture, paths: list[Path], folder: str, desk: Desk) -> Iterator[bytes]:
    side, key = _side(picture, desk)
    place = library.shelf(desk.folder, folder, key)
    known, unreadable = library.load(place), []
    try:
        for done, bad in library.each(paths, known):
            unreadable += [bad] if bad else []
            if done % TELL_EVERY == 0 or done == len(paths):
                yield line({"doing": "reading the folder", "done": done, "of": len(paths)})
        names = [name for name in map(str, paths) if name in known.hashes]
        if not names:
            raise NotThere("none of the pictures of this folder can be read", "choose another folder")
        yield from _placed(names, known, side, picture, desk)
    finally:  # also when somebody stops it
        library.save(place, known)
    yield from _verdict(names, known, side, picture, desk, unreadable)


def _placed(names: list[str], known: library.Known, side: int, picture: Picture, desk: Desk) -> Iterator[bytes]:
    """Where the VAE puts each of them, as far as that is not known."""
    missing = [name for name in names if name not in known.points]
    for first in range(0, len(missing), AT_ONCE):
        some = {name: image for name in missing[first : first + AT_ONCE] if (image := library.read(name))}
        if some:
            found = _points([library.square(image, side) for image in some.values()], picture, desk)
            known.points |= dict(zip(some, found.astype(np.float16), strict=True))
        yield line({"doing": "looking through the VAE", "done": min(first + AT_ONCE, len(missing)), "of": len(missing)})


def _verdict(
    names: list[str], known: library.Known, side: int, picture: Picture, desk: Desk, unreadable: list[str]
) -> Iterator[bytes]:
    image = _image(picture, desk)
    names = [name for name in names if name in known.points]
    hashes = np.stack([known.hashes[name] for name in names])
    both = [apart(perceptual_hash(one), hashes) for one in (image, ImageOps.mirror(image))]
    bits, mirrored = np.minimum(*both), both[1] < both[0]
    cloud = np.stack([known.points[name] for name in names]).astype(np.float32)
    own = _points([library.square(one, side) for one in (image, ImageOps.mirror(image))], picture, desk)
    distances = np.minimum(*(rms(one, cloud) for one in own))
    order = sorted(range(len(names)), key=lambda at: (bits[at] > SAME_BITS, distances[at]))
    for at in order[:SHOWN]:
        near = {"bits": int(bits[at]), "distance": float(distances[at]), "mirrored": bool(mirrored[at])}
        seen = library.read(names[at])
        yield line({"near": {"name": names[at], "src": thumb(seen) if seen else "", **near}})
    usual = neighbours(cloud)
    nearest = float(distances.min())
    closer = float((usual < nearest).mean()) if len(usual) else None
    unusual = closer is not None and closer < 0.01
    same = bits.min() <= SAME_BITS
    said = FOUND if same else NEAR if unusual or bits.min() <= NEAR_BITS else FAR
    yield line({"said": said, "limits": LIMITS, "measure": measure(int(bits.min()), nearest, usual, len(names)),
                "unreadable": unreadable[:20]})  # fmt: skip


def rms(one: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root mean square difference of latents, whose deviation is about 1: 0 is the same, 1.4 nothing in common."""
    found: NDArray[np.float32] = np.sqrt(((others - one) ** 2).mean(axis=1))
    return found


def neighbours(cloud: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far pictures of the folder are from their nearest neighbours in it, for up to SAMPLE of them."""
    if len(cloud) < 2:
        return np.empty(0, np.float32)
    chosen = range(0, len(cloud), max(1, len(cloud) // SAMPLE))
    return np.array([np.delete(rms(cloud[at], cloud), at).min() for at in chosen], np.float32)


def measure(bits: int, nearest: float, usual: NDArray[np.float32], count: int) -> str:
    own = f"; pictures of the folder are {np.median(usual):.2f} from their nearest neighbour" if len(usual) else ""
    return (
        f"{count:,} pictures. The nearest differs in {bits} of {BITS} bits of the hash (32 is chance) and lies "
        f"{nearest:.2f} away for the VAE (0 is the same, about 1.4 has nothing in common){own}."
    )


def thumb(picture: Image.Image) -> str:
    """A small JPEG as a data URL."""
    picture.thumbnail((THUMB, THUMB))
    file = BytesIO()
    picture.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"


def _trained(picture: Picture, desk: Desk) -> Iterator[bytes]:
    names = _names(picture)
    if STARTER not in str(names["checkpoint"]).casefold():
        raise NotThere("only the starter's training set is known here", "name a folder to compare with instead")
    side, _ = _side(picture, desk)
    yield line({"doing": "looking at the training set", "done": 0, "of": 1})
    pixels = {"pixels": library.square(_image(picture, desk), side)}
    first: Any = None
    for piece in desk.ask(picture.job, "trained", names, pixels):
        about: Any = piece.message
        first = first or about
        src = f"data:image/jpeg;base64,{b64encode(piece.data).decode()}"
        yield line({"near": {"name": "", "src": src, "distance": about["distance"]}})
    said = NEAR if first["closer"] < 0.01 else "No picture of the training set is a near copy of this one."
    words = (
        f"The nearest lies {first['distance']:.2f} away; training pictures are {first['usual']:.2f} from their nearest "
        f"neighbour, and {first['closer']:.0%} of them have one that is nearer than this."
    )
    yield line({"said": said, "limits": LIMITS.replace("of this folder", "of this set"), "measure": words,
                "note": TRAINED.format(of=first["of"]), "unreadable": []})  # fmt: skip
