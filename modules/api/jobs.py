"""Jobs over HTTP: put one in, stop it, watch. The page and any script use the same routes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from modules.api import view
from modules.app import App
from modules.core.errors import BadRequest
from modules.core.people import LOCAL_OWNER
from modules.core.requests import parse_any
from modules.jobs.film import develop

MAX_REQUEST = 1_000_000  # bytes of JSON
FRAMES_PER_SECOND = 8
PAGE = 200  # jobs in an answer


def job_routes(app: App, heartbeat: float) -> APIRouter:
    routes = APIRouter(prefix="/jobs")

    @routes.get("")
    def ended(before: str = "", since: float = 0.0, count: int = PAGE) -> list[view.Json]:
        """Jobs that ended, newest first. before: the id of one of them. since: seconds since 1970."""
        found = app.queue.journal.ended(LOCAL_OWNER, min(max(count, 1), PAGE), before, since)
        return [view.ended(app, job) for job in found]

    @routes.post("")
    async def submit(request: Request, instead_of: str | None = None) -> JSONResponse:
        """instead_of: a job that is taken back for this one, or empty; this one is then made before all that wait."""
        values = await read_json(request)
        job, notes = await run_in_threadpool(lambda: app.accept(parse_any(values), LOCAL_OWNER))
        if instead_of is not None:
            await run_in_threadpool(app.supersede, instead_of, job.id, LOCAL_OWNER)
        return JSONResponse({"id": job.id, "notes": notes}, status_code=202)

    @routes.get("/stream")
    async def stream() -> StreamingResponse:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        told = watch(app, LOCAL_OWNER, heartbeat)
        return StreamingResponse(told, media_type="text/event-stream", headers=headers)

    @routes.get("/{job_id}")
    def one(job_id: str) -> view.Json:
        return view.one_job(app, app.queue.journal.get(job_id, LOCAL_OWNER))

    @routes.post("/{job_id}/cancel")
    def cancel(job_id: str) -> view.Json:
        app.cancel(job_id, LOCAL_OWNER)
        return {"id": job_id}

    add_move(routes, app)
    add_film(routes, app)
    return routes


def add_move(routes: APIRouter, app: App) -> None:
    """Waiting jobs change places."""

    @routes.post("/{job_id}/move")
    async def move(job_id: str, request: Request) -> view.Json:
        values = await read_json(request)
        before = values.get("before")
        if values.keys() != {"before"} or not isinstance(before, str | None):
            raise BadRequest('a move says before which job: {"before": its id}, or null for the end of the line')
        await run_in_threadpool(app.queue.move, job_id, LOCAL_OWNER, before)
        app.watchers.changed()
        return {"id": job_id}


def add_film(routes: APIRouter, app: App) -> None:
    """How a job's pictures came out of the noise, as long as the server remembers."""

    @routes.get("/{job_id}/film.webp")
    def film(job_id: str) -> Response:
        job = app.queue.journal.get(job_id, LOCAL_OWNER)
        shots = app.watchers.films.shots(job_id)
        results = {
            saved.index: app.gallery.file(saved.id, job.owner) for saved in app.gallery.of_job(job_id, job.owner)
        }
        webp = develop(shots, results if job.batch_size == 1 else {})
        headers = {"Content-Disposition": 'attachment; filename="taffy-film.webp"', "Cache-Control": "no-store"}
        return Response(webp, media_type="image/webp", headers=headers)


async def read_json(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises BadRequest."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise BadRequest("the request must be sent as JSON", "set the header Content-Type: application/json")
    body = await request.body()
    if len(body) > MAX_REQUEST:
        raise BadRequest(f"a request may have at most {MAX_REQUEST} bytes, got {len(body)}")
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the request is not readable JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadRequest(f"the request must be a JSON object, got {type(values).__name__}")
    return values


async def watch(app: App, owner: str, heartbeat: float) -> AsyncIterator[str]:
    """Server-sent events for one watcher: what is new since it last took something, never what it missed.

    heartbeat: seconds of silence after which a comment is sent, so that a lost connection is noticed.
    """
    state_sent = ""
    frame_sent: tuple[str, int, int] | None = None
    yield "retry: 1000\n\n"
    with app.watchers.attach(owner) as bell:
        while not bell.closed:
            state = json.dumps(await run_in_threadpool(view.whole_view, app, owner))
            if state != state_sent:
                yield f"event: state\ndata: {state}\n\n"
                state_sent = state
            live = app.view(owner)
            if live and live.frame and (newest := (live.job.id, live.job.attempts, live.n)) != frame_sent:
                yield f"event: frame\ndata: {json.dumps(view.frame(live))}\n\n"
                frame_sent = newest
            await asyncio.sleep(1 / FRAMES_PER_SECOND)
            while not await bell.changed(heartbeat):
                yield ": still here\n\n"
