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
from modules.api.people import Asking, whose
from modules.app import App
from modules.core.errors import BadRequest, NotThere
from modules.core.people import Person
from modules.core.requests import parse_any
from modules.jobs.film import develop
from modules.jobs.job import Job
from modules.waiting import cancel_all, repeat, rest

MAX_REQUEST = 1_000_000  # bytes of JSON
FRAMES_PER_SECOND = 8
PAGE = 200  # jobs in an answer


def job_routes(app: App, heartbeat: float) -> APIRouter:
    routes = APIRouter(prefix="/jobs")

    @routes.get("")
    def ended(
        person: Asking, before: str = "", since: float = 0.0, count: int = PAGE, owner: str = ""
    ) -> list[view.Json]:
        """Jobs that ended, newest first. before: the id of one of them. since: seconds since 1970.

        owner: whose, for those who may see others'.
        """
        name = owner if owner and person.sees_all else person.sees
        jobs = app.queue.journal.ended(name, min(max(count, 1), PAGE), before, since)
        return [view.ended(app, job) for job in jobs]

    @routes.post("")
    async def submit(request: Request, person: Asking, instead_of: str | None = None) -> JSONResponse:
        """instead_of: a job that is taken back for this one, or empty; this one is then made before all that wait."""
        values, owner = await read_json(request), person.must_make()
        job, notes = await run_in_threadpool(lambda: app.accept(parse_any(values), owner))
        if instead_of is not None:
            await run_in_threadpool(app.supersede, instead_of, job.id, owner)
        return JSONResponse({"id": job.id, "notes": notes}, status_code=202)

    @routes.get("/stream")
    async def stream(person: Asking) -> StreamingResponse:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        told = watch(app, person, heartbeat)
        return StreamingResponse(told, media_type="text/event-stream", headers=headers)

    @routes.get("/{job_id}")
    def one(person: Asking, job_id: str) -> view.Json:
        return view.one_job(app, found(app, person, job_id))

    add_running(routes, app)
    add_move(routes, app)
    add_line(routes, app)
    add_film(routes, app)
    return routes


def add_running(routes: APIRouter, app: App) -> None:
    """A job that runs is seen, and ended."""

    @routes.post("/{job_id}/cancel")
    def cancel(person: Asking, job_id: str) -> view.Json:
        app.cancel(job_id, found(app, person, job_id).owner)
        return {"id": job_id}

    @routes.get("/{job_id}/preview")
    def preview(person: Asking, job_id: str) -> Response:
        """The newest frame of a running job as JPEG."""
        job = found(app, person, job_id)
        live = app.watchers.view_of(job.id)
        if live is None or live.frame is None or not app.queue.is_running(job.id):
            raise NotThere("this job has no preview now: it does not run, or has just begun")
        return Response(live.frame.jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


def add_move(routes: APIRouter, app: App) -> None:
    """Waiting jobs change places."""

    @routes.post("/{job_id}/move")
    async def move(job_id: str, request: Request, person: Asking) -> view.Json:
        values = await read_json(request)
        before = values.get("before")
        if values.keys() != {"before"} or not isinstance(before, str | None):
            raise BadRequest('a move says before which job: {"before": its id}, or null for the end of the line')
        owner = (await run_in_threadpool(found, app, person, job_id)).owner
        await run_in_threadpool(app.queue.move, job_id, owner, before)
        app.watchers.changed()
        return {"id": job_id}


def add_line(routes: APIRouter, app: App) -> None:
    """What can be done with the whole line, and once more with a job that has ended."""

    @routes.post("/{job_id}/repeat")
    def again(person: Asking, job_id: str) -> JSONResponse:
        person.must_make()
        job = repeat(app, found(app, person, job_id))
        return JSONResponse({"id": job.id}, status_code=202)

    @routes.post("/cancel")
    async def cancel(request: Request, person: Asking) -> view.Json:
        """{"everybody": false}"""
        values = await switches(request, {"everybody"})
        gone = await run_in_threadpool(cancel_all, app, person, values.get("everybody", False))
        return {"cancelled": gone}

    @routes.post("/pause")
    async def pause(request: Request, person: Asking) -> view.Json:
        """{"paused": true, "everybody": false}"""
        values = await switches(request, {"paused", "everybody"})
        await run_in_threadpool(rest, app, person, values.get("paused", True), values.get("everybody", False))
        return {"paused": values.get("paused", True)}


async def switches(request: Request, known: set[str]) -> dict[str, bool]:
    """A JSON object of true and false. Raises BadRequest."""
    values = await read_json(request)
    if not values.keys() <= known or not all(isinstance(value, bool) for value in values.values()):
        raise BadRequest(f"this takes {', '.join(sorted(known))}, each true or false")
    return values


def add_film(routes: APIRouter, app: App) -> None:
    """How a job's pictures came out of the noise, as long as the server remembers."""

    @routes.get("/{job_id}/film.webp")
    def film(person: Asking, job_id: str) -> Response:
        job = found(app, person, job_id)
        shots = app.watchers.films.shots(job_id)
        results = {
            saved.index: app.gallery.file(saved.id, job.owner) for saved in app.gallery.of_job(job_id, job.owner)
        }
        webp = develop(shots, results if job.batch_size == 1 else {})
        headers = {"Content-Disposition": 'attachment; filename="taffy-film.webp"', "Cache-Control": "no-store"}
        return Response(webp, media_type="image/webp", headers=headers)


def found(app: App, person: Person, job_id: str) -> Job:
    """A job that somebody may see. Raises NotThere."""
    return app.queue.journal.get(job_id, whose(person, app.queue.journal.owner_of, job_id))


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
    if rb"\ud" in body.lower() and has_half_letters(values):
        raise BadRequest("the request has a letter that is cut in half (\\ud800 to \\udfff without the other half)")
    if not isinstance(values, dict):
        raise BadRequest(f"the request must be a JSON object, got {type(values).__name__}")
    return values


def has_half_letters(values: object) -> bool:
    """Whether a text somewhere in it is no Unicode: nothing that keeps texts takes it."""
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


async def watch(app: App, person: Person, heartbeat: float) -> AsyncIterator[str]:
    """Server-sent events for one watcher: what is new since it last took something, never what it missed.

    heartbeat: seconds of silence after which a comment is sent, so that a lost connection is noticed.
    """
    state_sent = ""
    frame_sent: tuple[str, int, int] | None = None
    yield "retry: 1000\n\n"
    with app.watchers.attach(person.sees, everybody=person.sees_all) as bell:
        while not bell.closed:
            state = json.dumps(await run_in_threadpool(view.whole_view, app, person))
            if state != state_sent:
                yield f"event: state\ndata: {state}\n\n"
                state_sent = state
            live = app.view(person.sees)
            if live and live.frame and (newest := (live.job.id, live.job.attempts, live.n)) != frame_sent:
                yield f"event: frame\ndata: {json.dumps(view.frame(live))}\n\n"
                frame_sent = newest
            await asyncio.sleep(1 / FRAMES_PER_SECOND)
            while not await bell.changed(heartbeat):
                yield ": still here\n\n"
