"""What a request would start from, over HTTP, while somebody still moves the slider."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from modules.api.jobs import read_json
from modules.api.people import Asking
from modules.api.view import Json, frame_source
from modules.app import App
from modules.core.errors import Busy
from modules.core.request import parse_request

LOOK_SECONDS = 30.0


def look_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/look")

    @routes.post("")
    async def look(request: Request, person: Asking) -> Json:
        """The request of a job -> {"round trip": {"width", "height", "method", "src"}, "noised start": {...}}."""
        values = await read_json(request)
        answer = await run_in_threadpool(lambda: app.look(parse_request(values), person.must_make()))
        try:
            frames = await asyncio.wait_for(asyncio.wrap_future(answer), LOOK_SECONDS)
        except TimeoutError as error:
            raise Busy("the engine is busy and had no time to show this start", "wait until it is ready") from error
        return {name: frame_source(frame) for name, frame in frames.items()}

    return routes
