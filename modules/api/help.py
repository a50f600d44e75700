"""The pictures of the help over HTTP: those that are in `docs/pictures` at the start, and nothing else."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse

from modules.core.errors import NotThere
from modules.core.settings import ROOT

PICTURES = ROOT / "docs" / "pictures"
TYPES = {".png": "image/png", ".webp": "image/webp"}


def help_routes() -> APIRouter:
    routes = APIRouter(prefix="/help")
    known = {file.name: file for file in PICTURES.glob("*") if file.suffix in TYPES}

    @routes.get("/pictures/{name}")
    def one(name: str) -> FileResponse:
        if name not in known:
            raise NotThere(f"there is no help picture {name!r}")
        return FileResponse(known[name], media_type=TYPES[known[name].suffix], headers={"Cache-Control": "no-cache"})

    return routes
