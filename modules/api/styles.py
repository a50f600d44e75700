"""Style transfer over HTTP: which ways a checkpoint has, the presets, the style pictures that come with Taffy."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse

from modules.api.view import Json
from modules.app import App
from modules.core.errors import NotThere
from modules.style.modes import modes
from modules.style.pictures import PICTURES
from modules.style.presets import PRESETS


def style_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/styles")

    @routes.get("/modes")
    def every_mode(checkpoint: str = "") -> list[Json]:
        """[{"id", "label", "info", "content", "style", "why_not": empty if this checkpoint can do it}]"""
        card = app.card(checkpoint) if checkpoint or app.checkpoints() else None
        return [asdict(mode) for mode in modes(card, app.settings.models_dirs)]

    @routes.get("/presets")
    def every_preset() -> list[Json]:
        """[{"group", "name", "prompt", "negative", "strength"}]"""
        return [asdict(PRESETS[name]) for name in PRESETS]

    @routes.get("/pictures")
    def every_picture() -> list[Json]:
        """[{"name", "url"}]"""
        return [{"name": name, "url": f"/styles/pictures/{quote(name)}"} for name in PICTURES]

    @routes.get("/pictures/{name}")
    def one_picture(name: str) -> FileResponse:
        if name not in PICTURES:
            raise NotThere(f"there is no style picture {name!r:.60}", f"there are: {', '.join(PICTURES)}")
        return FileResponse(PICTURES[name], media_type="image/webp", headers={"Cache-Control": "max-age=86400"})

    return routes
