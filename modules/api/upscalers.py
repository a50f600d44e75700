"""The upscalers there are, usable or not, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter

from modules.api.view import Json
from modules.app import App


def upscaler_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/upscalers")

    @routes.get("")
    def every() -> list[Json]:
        """[{"name", "kind": "pixels" or "latent", "size": bytes of its file, "problem": why it cannot be used}]"""
        return [
            {"name": entry.name, "kind": entry.kind, "size": entry.size, "problem": entry.problem}
            for entry in app.upscalers.entries()
        ]

    return routes
