"""What the page may expect of a form before it is asked for: how long a step takes, how many pictures are usual."""

from __future__ import annotations

from fastapi import APIRouter

from modules.api.view import Json
from modules.app import App
from modules.jobs.pace import usual_count


def pace_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/pace")

    @routes.get("")
    def expected(checkpoint: str, width: int, height: int, steps: int) -> Json:
        """step_seconds: as measured on this computer, or null."""
        seconds = app.pace.step_seconds(checkpoint, width, height)
        return {"step_seconds": seconds, "count": usual_count(seconds, width, height, steps)}

    return routes
