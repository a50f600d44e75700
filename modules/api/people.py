"""Who I am, and the link for other devices, over HTTP. `Asking` is how every other route learns who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from modules.api.doors import link
from modules.api.local import is_local
from modules.api.view import Json
from modules.app import App
from modules.core.errors import NotAllowed
from modules.core.people import Person

PRIVATE = {"Cache-Control": "no-store"}


def asking(request: Request) -> Person:
    """Whom the guard let in."""
    person: Person = request.state.person
    return person


Asking = Annotated[Person, Depends(asking)]


def whose(person: Person, owner_of: Callable[[str], str | None], id: str) -> str:
    """Under which name to look for a job or a picture: the owner finds everybody's, others what they may see."""
    return (person.sees_all and owner_of(id)) or person.sees


def people_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/people")

    @routes.get("/me")
    def me(request: Request, person: Asking) -> JSONResponse:
        """here: whether this is the owner's own computer. shared: whether others can come in."""
        about: Json = {
            "name": person.name,
            "role": person.role,
            "here": is_local(request.scope),
            "shared": app.access.is_shared,
            "open": app.access.is_open,
        }
        return JSONResponse(about, headers=PRIVATE)

    @routes.get("/link")
    def door(person: Asking) -> JSONResponse:
        """{"url", "qr": SVG}: what another device opens. For the owner."""
        if person.role != "owner" or not app.access.is_shared:
            raise NotAllowed("only the owner of a shared Taffy has a link to give", "start it with --listen")
        url = link(app.settings, app.access.token)
        return JSONResponse(
            {"url": url, "qr": segno.make(url, error="l").svg_inline(scale=4, border=2)}, headers=PRIVATE
        )

    return routes
