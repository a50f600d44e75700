"""Finished pictures over HTTP, to those they belong to. Nothing else on the disk can be asked for."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse

from modules.api.people import Asking, whose
from modules.api.view import Json, picture
from modules.app import App
from modules.core.requests import REQUEST
from modules.gallery import Saved

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
        """What a picture was made from, oldest first, and what was made from it."""
        owner = whose(person, app.gallery.owner_of, picture_id)
        return {
            "ancestors": [relative(saved) for saved in app.gallery.ancestors(picture_id, owner)],
            "picture": relative(app.gallery.get(picture_id, owner)),
            "children": [relative(saved) for saved in app.gallery.children(picture_id, owner)],
        }

    return routes


def relative(saved: Saved) -> Json:
    """A picture, what it was made from, and by which act."""
    return {**picture(saved), "parent": saved.request.parent, "origin": getattr(saved.request, "origin", "upscale")}
