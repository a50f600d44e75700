"""The Models page over HTTP: what is on disk, with notes and pictures, and what only the owner at this computer may do:
downloads, conversions, notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from modules.api.jobs import read_json
from modules.api.local import is_local_owner, must_be_local_owner
from modules.api.view import Json
from modules.app import App
from modules.core.errors import BadRequest, CannotSave, NotThere
from modules.core.paths import readable
from modules.core.settings import ROOT
from modules.jobs.questions import pieces
from modules.manager.collections import collections
from modules.manager.convert import convert_safely
from modules.manager.convert_folder import convert_folder
from modules.manager.hub import FOLDERS, HubModel, download, look_up
from modules.manager.library import Found, is_others, writable
from modules.manager.transfers import Tell

SIDE = 512  # pixels of a preview picture's longer side
TYPES = {".png": "image/png", ".webp": "image/webp"}  # all others are JPEG
OWNER = [Depends(must_be_local_owner)]


def model_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/models")

    @routes.get("")
    def every(request: Request) -> Json:
        """{"items": [...], "transfers": [...], "folder": where to put files, "owner": whether the asker may change}"""
        return {
            "items": [as_json(app, item) for item in all_items(app)],
            "transfers": transfers(),
            "folder": str(app.settings.models_dirs[0]),
            "folders": [str(folder) for folder in app.settings.models_dirs],
            "owner": is_local_owner(request),
            "loaded": app.watchers.checkpoint,
        }

    @routes.get("/transfers")
    def transfers() -> list[Json]:
        """Downloads and conversions, the newest first: cheap enough to be asked for again and again."""
        return [asdict(transfer) for transfer in app.transfers.all()]

    @routes.get("/{id}/picture")
    def picture(id: str) -> FileResponse:
        """A model's own preview picture."""
        file = app.library.notes(find(app, id)).picture
        if file is None:
            raise NotThere("this model has no picture")
        headers = {"Cache-Control": "no-cache"}
        return FileResponse(file, media_type=TYPES.get(file.suffix.lower(), "image/jpeg"), headers=headers)

    @routes.get("/collections")
    def others() -> list[Json]:
        """[{"program", "folder", "counts": {kind: files}}] that are on this computer and not in use."""
        homes = [Path.home(), ROOT.parent]
        found = collections(homes, app.settings.models_dirs)
        return [{"program": one.program, "folder": str(one.folder), "counts": one.counts} for one in found]

    routes.include_router(owner_routes(app))
    return routes


def owner_routes(app: App) -> APIRouter:
    """What writes outside the data folder, or asks the network."""
    routes = APIRouter(dependencies=OWNER)
    posted: Mapping[str, Callable[[App, Json], Any]] = {
        "/{id}/notes": keep_notes,
        "/{id}/picture": keep_picture,
        "/{id}/hash": compute_hash,
        "/{id}/load": load,
        "/{id}/convert": start_conversion,
        "/hub": look_at_hub,
        "/downloads": start_download,
        "/transfers/{id}/stop": stop_transfer,
    }

    def add(path: str, act: Callable[[App, Json], Any]) -> None:
        @routes.post(path, name=act.__name__)
        async def answer(request: Request) -> Any:
            values = await read_json(request) | request.path_params
            return await run_in_threadpool(act, app, values)

    for path, act in posted.items():
        add(path, act)
    return routes


def all_items(app: App) -> Iterator[Found]:
    yield from app.library.items()
    yield from upscalers(app)


def upscalers(app: App) -> Iterator[Found]:
    """Those in files; the built-in ones need no place on the page."""
    for entry in app.upscalers.entries():
        if entry.path is not None:
            yield Found("upscaler", entry.name, entry.path, entry.size, "", entry.problem, entry.advice)


def find(app: App, id: str) -> Found:
    return app.library.find(id, upscalers(app))


def as_json(app: App, item: Found) -> Json:
    notes = app.library.notes(item)
    return {
        "id": item.id,
        "kind": item.kind,
        "name": item.name,
        "file": readable(item.path.name),
        "folder": readable(str(item.path.parent)),
        "bytes": item.size,
        "family": item.family,
        "problem": item.problem,
        "advice": item.advice,
        "hash": app.library.hash_of(item),
        "convertible": item.is_convertible,
        "description": notes.description or (item.card.description if item.card else ""),
        "notes": notes.notes,
        "words": notes.words,
        "picture": f"/models/{item.id}/picture?{version_of(notes.picture)}" if notes.picture else "",
        "quick": asdict(item.quick) if item.quick else None,
    }


def version_of(picture: Path) -> int:
    """Another number when it was replaced."""
    try:
        return picture.stat().st_mtime_ns
    except OSError:  # gone just now
        return 0


def text(values: Json, name: str) -> str:
    """Raises BadRequest unless it is there and is text."""
    if not isinstance(value := values.get(name), str):
        raise BadRequest(f"{name} must be text, got {value!r:.80}")
    return value


def keep_notes(app: App, values: Json) -> Json:
    """{"notes", "description" or "words": text}"""
    item = find(app, values.pop("id"))
    app.library.sidecars.write(item.path, {name: text(values, name) for name in values})
    return as_json(app, item)


def keep_picture(app: App, values: Json) -> Json:
    """{"picture": id of a picture of the gallery}: a small copy becomes the model's preview."""
    from PIL import Image

    item = find(app, text(values, "id"))
    picture = text(values, "picture")
    with Image.open(app.gallery.file(picture, app.gallery.owner_of(picture) or "")) as image:
        small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    file = BytesIO()
    small.save(file, "PNG")
    app.library.sidecars.write_picture(item.path, file.getvalue())
    return as_json(app, item)


def compute_hash(app: App, values: Json) -> Json:
    """Begun in the background; it is in the list when it is known."""
    app.library.compute_hash(item := find(app, text(values, "id")))
    return as_json(app, item)


def load(app: App, values: Json) -> Json:
    """Get a checkpoint's weights ready; answered when they are. How far it is stands in the head of the page."""
    item = find(app, text(values, "id"))
    if item.kind != "checkpoint":
        raise BadRequest(f"{item.name} is no checkpoint: it is read when a picture needs it")
    question = app.load(item.name)
    for _ in pieces(question, app.workers[question.device].cancel):
        pass
    return as_json(app, item)


def start_conversion(app: App, values: Json) -> Json:
    """A pickle as safetensors beside it, or in Taffy's own folder where that cannot be written."""
    item = find(app, text(values, "id"))
    own = app.settings.models_dirs[0] / FOLDERS[item.kind]
    title = item.name if item.path.is_dir() else item.path.name

    def work(tell: Tell) -> str:
        try:
            if item.path.is_dir():
                copy = own / (item.path.name if Path(item.name).is_absolute() else item.name)
                return str(convert_folder(item.path, copy if is_others(item.path) else item.path, tell))
            folder = item.path.parent if writable(item.path.parent) else own
            folder.mkdir(parents=True, exist_ok=True)
            return str(convert_safely(item.path, folder=folder, tell=tell))
        except OSError as error:
            raise CannotSave(f"{item.name} could not be converted: {error.strerror or error}") from error

    return asdict(app.transfers.start("conversion", readable(title), work))


def look_at_hub(app: App, values: Json) -> Json:
    """{"id": "owner/name"} -> what there is to download."""
    return asdict(look_up(text(values, "id")))


def start_download(app: App, values: Json) -> Json:
    """{"id": "owner/name", "offer": its name, "kind": the kind's folder}"""
    id, offer, kind = (text(values, name) for name in ("id", "offer", "kind"))
    if kind not in FOLDERS:
        raise BadRequest(f"there is no kind {kind!r:.80}", f"known: {', '.join(FOLDERS)}")

    def work(tell: Tell) -> str:
        model: HubModel = look_up(id)
        tell(0, 0)
        return download(model, offer, app.settings.models_dirs[0], kind, tell)

    return asdict(app.transfers.start("download", f"{id}: {offer}", work))


def stop_transfer(app: App, values: Json) -> Json:
    app.transfers.stop(text(values, "id"))
    return {}
