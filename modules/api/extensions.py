"""Extensions over HTTP: what there is and what became of it, switches, settings, and what extensions themselves add."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from modules.adding import Adding
from modules.api.jobs import read_json
from modules.api.local import is_local_owner, must_be_local_owner
from modules.api.people import Asking, whose
from modules.api.view import Json
from modules.app import App
from modules.core.errors import BadRequest, NotThere
from modules.hooks.discover import Found
from modules.hooks.front_values import Call, Control, JobCard, Picture, Reply

KINDS = {".css": "text/css", ".js": "text/javascript"}
MAX_ZIP = 100_000_000  # bytes
CONSENT = (
    "An extension is a program. It may do whatever Taffy may do: read and write files, use the network, run other "
    "programs. Faults in it are kept apart, but it is not locked in. Install it only if you trust who wrote it."
)
LOCAL = [Depends(must_be_local_owner)]


def extension_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/extensions")

    def every() -> Json:
        return {"extensions": [described(app, one) for one in app.host.found], **common(app)}

    @routes.get("")
    def seen(person: Asking) -> Json:
        """Who is not the owner sees the buttons, and no program's insides."""
        return every() if person.role == "owner" else {"extensions": [], **common(app)}

    @routes.post("/renew", dependencies=LOCAL)
    async def renew(request: Request) -> Json:
        """Look at the disk again."""
        await run_in_threadpool(app.extending.renew)
        return await changed(app, request, every)

    @routes.post("/{name}/switch", dependencies=LOCAL)
    async def switch(name: str, request: Request) -> Json:
        values = await read_json(request)
        if not isinstance(values.get("on"), bool):
            raise BadRequest('a switch says {"on": true} or {"on": false}')
        await run_in_threadpool(app.extending.switch, name, values["on"])
        return await changed(app, request, every)

    @routes.post("/{name}/settings", dependencies=LOCAL)
    async def settings(name: str, request: Request) -> Json:
        changes = await read_json(request)
        await run_in_threadpool(app.extending.change_settings, name, changes)
        return await run_in_threadpool(every)

    add_files(routes, app)
    add_installing(routes, app, every)
    add_presses(routes, app)
    add_own(routes, app)
    return routes


def add_files(routes: APIRouter, app: App) -> None:
    """Scripts, styles and pictures of extensions."""

    @routes.get("/files/{name}/{file:path}")
    def asset(name: str, file: str) -> FileResponse:
        path = app.host.assets().get(f"{name}/{file}")
        if path is None:
            raise NotThere(f"the extension {name!r:.60} has no file {file!r:.60} for the page")
        return FileResponse(path, media_type=KINDS[path.suffix], headers={"Cache-Control": "no-cache"})


async def changed(app: App, request: Request, every: Callable[[], Json]) -> Json:
    """Other extensions are in use: the worker hears of it between two jobs, the page is built anew."""
    app.queue.interrupt()
    if remount := getattr(request.app.state, "remount", None):
        await remount()
    return await run_in_threadpool(every)


def add_installing(routes: APIRouter, app: App, every: Callable[[], Json]) -> None:
    """New extensions and the packages they need: for the owner at this computer, who has read what that means."""
    adding = Adding(app.extending, app.settings)

    @routes.post("/install", dependencies=LOCAL)
    async def install(request: Request) -> Json:
        """A zip as the body, or {"folder": path} as JSON; ?consent=yes: the person has read what that means."""
        if request.query_params.get("consent") != "yes":
            raise BadRequest("nobody has said yes to this", CONSENT)
        if request.headers.get("content-type", "").startswith("application/zip"):
            data = await request.body()
            if len(data) > MAX_ZIP:
                raise BadRequest(f"a zip may have at most {MAX_ZIP // 1_000_000} MB, this one has {len(data):,} bytes")
            await run_in_threadpool(adding.from_zip, data)
        else:
            values = await read_json(request)
            if not isinstance(values.get("folder"), str):
                raise BadRequest('send a zip as application/zip, or {"folder": path} as JSON')
            await run_in_threadpool(adding.from_folder, values["folder"])
        return await changed(app, request, every)

    @routes.post("/{name}/requirements", dependencies=LOCAL)
    def requirements(name: str, consent: str = "") -> StreamingResponse:
        """Install what an extension misses; the installer's lines as they come."""
        if consent != "yes":
            raise BadRequest("nobody has said yes to this", CONSENT)
        return StreamingResponse(adding.requirements(name), media_type="text/plain; charset=utf-8")


def add_presses(routes: APIRouter, app: App) -> None:
    """Buttons under pictures, and beside jobs that run."""

    @routes.post("/{name}/buttons/{button}")
    async def press(name: str, button: str, request: Request, person: Asking) -> Json:
        values = await read_json(request)
        person.must_make()
        kind, id = next(iter(values.items()), ("", ""))
        if kind not in {"picture", "job"} or not isinstance(id, str):
            raise BadRequest('a button is pressed for a picture, {"picture": id}, or for a running job, {"job": id}')
        desk = app.desk(name)
        owner_of = app.gallery.owner_of if kind == "picture" else app.queue.journal.owner_of
        find: Callable[[str, str], Picture | JobCard] = desk.picture if kind == "picture" else desk.job
        owner = await run_in_threadpool(whose, person, owner_of, id)
        shown = await run_in_threadpool(find, id, owner)
        outcome = await run_in_threadpool(app.host.press, name, button, shown, desk)
        return {"text": outcome.text, "link": outcome.link}


def add_own(routes: APIRouter, app: App) -> None:
    """Routes of extensions themselves."""

    @routes.api_route("/{name}/api/{path:path}", methods=["GET", "POST"])
    async def own(name: str, path: str, request: Request, person: Asking) -> Response:
        body = await request.body()
        owner = person.sees if request.method == "GET" else person.must_make()
        asked = Call(owner, dict(request.query_params), body, is_local_owner(request))
        route = await run_in_threadpool(app.host.route, name, request.method, path)
        reply = await run_in_threadpool(app.host.reply, route, asked, app.desk(name))
        return response(reply)


def response(reply: Reply) -> Response:
    headers = {"Cache-Control": "no-store"}
    if isinstance(reply.body, bytes):
        return Response(reply.body, reply.status, headers, reply.kind)
    pieces: Iterator[bytes] = iter(reply.body)
    return StreamingResponse(pieces, reply.status, headers, reply.kind)


def common(app: App) -> Json:
    """What the page needs of all extensions together."""
    return {
        "safe_mode": app.host.safe_mode,
        "consent": CONSENT,
        "buttons": [
            {
                "extension": one.extension,
                "name": one.name,
                "label": one.label,
                "info": one.info,
                "running": one.watch is not None,
            }
            for one in app.host.buttons()
        ],
    }


def described(app: App, one: Found) -> Json:
    """An extension for the page. state: "on", "off", or "unusable"."""
    off = app.extending.book.off
    manifest = one.manifest
    controls = [control for control in app.host.settings() if control.extension == one.name]
    values = app.extending.settings_of(one.name)
    return {
        "name": one.name,
        "version": manifest.version if manifest else "",
        "description": manifest.description if manifest else "",
        "state": "unusable" if one.problem else "off" if one.name in off or app.host.safe_mode else "on",
        "problem": one.problem,
        "advice": one.advice,
        "missing": one.missing,
        "why_off": off.get(one.name, ""),
        "faults": [
            {"message": fault.message, "traceback": fault.traceback}
            for fault in app.extending.faults()
            if fault.extension == one.name and fault.hook != "manifest"
        ],
        "settings": [setting(control, values[control.name]) for control in controls],
    }


def setting(control: Control, value: Any) -> Json:
    return {
        "name": control.name,
        "label": control.label,
        "kind": control.kind,
        "info": control.info,
        "value": value,
        "default": control.default,
        "minimum": control.minimum,
        "maximum": control.maximum,
        "step": control.step,
        "choices": control.choices,
    }
