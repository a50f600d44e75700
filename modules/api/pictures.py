"""Finished pictures over HTTP, to those they belong to. Nothing else on the disk can be asked for."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter
from fastapi.responses import FileResponse
from PIL import Image

from modules.api.people import Asking, whose
from modules.api.view import Json, picture
from modules.app import App
from modules.core.errors import NotThere
from modules.core.requests import REQUEST
from modules.gallery import Saved
from modules.style.measure import likeness

EXACT = "exact"  # a picture of fast mode once more, with every step whole
FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}  # an id never gets another picture


def picture_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/pictures")

    @routes.get("/{picture_id}")
    def one(person: Asking, picture_id: str, download: str = "") -> FileResponse:
        file = app.gallery.file(picture_id, whose(person, app.gallery.owner_of, picture_id))
        name = file.name if download else None
        return FileResponse(file, media_type="image/png", filename=name, headers=FOR_EVER)

    @routes.get("/{picture_id}/request")
    def request(person: Asking, picture_id: str) -> Json:
        """What makes exactly this picture again, as `POST /jobs` takes it."""
        owner = whose(person, app.gallery.owner_of, picture_id)
        made: Json = REQUEST.dump_python(app.gallery.get(picture_id, owner).request, mode="json")
        return made

    @routes.get("/{picture_id}/history")
    def history(person: Asking, picture_id: str) -> Json:
        """What a picture was made from, oldest first, and what was made from it.

        near: of a picture of fast mode and its exact one, if this is one of the two: how like they are, 1 is equal.
        """
        owner = whose(person, app.gallery.owner_of, picture_id)
        ancestors, children = app.gallery.ancestors(picture_id, owner), app.gallery.children(picture_id, owner)
        this = app.gallery.get(picture_id, owner)
        twins = ancestors[-1:] if origin(this) == EXACT else [one for one in children if origin(one) == EXACT][-1:]
        return {
            "ancestors": [relative(saved) for saved in ancestors],
            "picture": relative(this),
            "children": [relative(saved) for saved in children],
            "near": near(app, this, twins[0], owner) if twins else None,
        }

    return routes


def near(app: App, one: Saved, other: Saved, owner: str) -> float | None:
    """How like two pictures are; None if a file is gone."""
    with suppress(NotThere, OSError):
        first, second = (Image.open(app.gallery.file(saved.id, owner)) for saved in (one, other))
        return likeness(first, second)
    return None


def origin(saved: Saved) -> str:
    """By which act it was made."""
    return getattr(saved.request, "origin", "upscale")


def relative(saved: Saved) -> Json:
    """A picture, what it was made from, and by which act."""
    return {**picture(saved), "parent": saved.request.parent, "origin": origin(saved)}
