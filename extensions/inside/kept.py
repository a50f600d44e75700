"""The records that were kept: which one belongs to a picture, and how much room they may take."""

from __future__ import annotations

from modules.hooks import Desk, NotThere, Picture

from .record import Record, seeds_of, unpacked

OLD = "make it again with its own parameters; steps are kept from then on, unless that is switched off under Extensions"


def own_seed(picture: Picture) -> int:
    """The seed by which the pictures of its job differ. Raises NotThere for one that has no steps."""
    if picture.request is None:
        raise NotThere("this picture was only made larger: it did not come out of noise", "look at the one before")
    request = picture.request
    return request.variation_seed if request.variation_strength else request.seed


def record_of(picture: Picture, desk: Desk) -> Record:
    """The steps of a picture and of those it was made with. Raises NotThere if they are not kept."""
    seed = own_seed(picture)
    for key in desk.attachments(picture.job):
        if seed in seeds_of(key):
            record = unpacked(desk.attached(picture.job, key))
            if record.problem:
                raise NotThere(record.problem, "make fewer at once, or smaller ones")
            return record
    raise NotThere("the steps of this picture are not kept", OLD)


def make_room(desk: Desk, budget: int) -> None:
    """Throw the oldest pieces away until the rest has room. budget: bytes."""
    pieces = desk.pieces()
    total = sum(piece.size for piece in pieces)
    for piece in pieces:
        if total <= budget:
            return
        desk.detach(piece.job, piece.key)
        total -= piece.size
