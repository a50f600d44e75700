"""The checkpoints that are on disk, usable or not, over HTTP."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from modules.api.view import Json
from modules.app import App


def checkpoint_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/checkpoints")

    @routes.get("")
    def every() -> list[Json]:
        return [
            {
                "name": entry.name,
                "bytes": entry.size,
                "problem": entry.problem,
                "card": asdict(entry.card) if entry.card else None,
            }
            for entry in app.index.entries()
        ]

    return routes
