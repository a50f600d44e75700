"""One request for many pictures, over HTTP: those that were brought, or the files of a folder; a job for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from starlette.concurrency import run_in_threadpool

from modules.api.jobs import read_json
from modules.api.local import is_local_owner
from modules.api.people import Asking
from modules.api.view import Json
from modules.app import App
from modules.core.errors import BadRequest, NotAllowed, QueueFull, TaffyError
from modules.core.request import InputId, sentence
from modules.core.requests import AnyRequest, Input, parse_any
from modules.gallery.reading import MAX_BYTES
from modules.text.infotext import fields_from_infotext

MOST = 1000  # pictures of a batch
Own = Literal[
    "prompt", "negative_prompt", "seed", "steps", "cfg_scale", "sampler", "schedule", "checkpoint", "clip_skip",
    "strength",
]  # fmt: skip


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Batch:
    """request: as `POST /jobs` takes it, without the picture. inputs: ids of input pictures, or folder: where they are.

    own: fields that each picture's own text decides, where it has them.
    """

    request: dict[str, JsonValue]
    inputs: Annotated[tuple[InputId, ...], Field(max_length=MOST)] = ()
    folder: str = ""
    own: tuple[Own, ...] = ()


BATCH = TypeAdapter(Batch)


def batch_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/batch")

    @routes.post("")
    async def start(request: Request, person: Asking) -> JSONResponse:
        """{"ids": of the jobs, "notes": ["a.png: ..."], "refused": [{"name", "reason"}]}"""
        try:
            batch = BATCH.validate_python(await read_json(request))
        except ValidationError as error:
            raise BadRequest(sentence(error)) from error
        if batch.folder and not is_local_owner(request):
            raise NotAllowed("a folder of this computer can be named only at this computer", "bring the pictures")
        return JSONResponse(await run_in_threadpool(start_all, app, batch, person.must_make()), status_code=202)

    return routes


def start_all(app: App, batch: Batch, owner: str) -> Json:
    """A job for each picture that can be read; when the queue is full the rest is refused without being read."""
    ids, notes, refused = [], [], []
    full: QueueFull | None = None
    for name, bring in pictures(app, batch, owner):
        try:
            if full:
                raise full
            picture = bring()
            job, changed = app.accept(request_for(batch, picture), owner)
        except TaffyError as error:
            full = error if isinstance(error, QueueFull) else full
            refused.append({"name": name, "reason": error.message})
        else:
            ids.append(job.id)
            silent = ["it has no text of its own"] if batch.own and not picture.infotext else []
            notes += [f"{name}: {note}" for note in (*silent, *changed)]
    return {"ids": ids, "notes": notes, "refused": refused}


def pictures(app: App, batch: Batch, owner: str) -> Iterator[tuple[str, Callable[[], Input]]]:
    """Name and how to get it, of each picture. Raises BadRequest if there is none."""
    if bool(batch.inputs) == bool(batch.folder):
        raise BadRequest("a batch has either inputs (ids of pictures) or a folder")
    for id in batch.inputs:
        yield id, partial(app.inputs.get, id, owner)
    for path in files_in(batch.folder) if batch.folder else ():
        yield path.name, partial(brought, app, path, owner)


def files_in(folder: str) -> list[Path]:
    """The files of a folder by name, hidden ones and folders left out. Raises BadRequest."""
    try:
        root = Path(folder).expanduser()
        if not root.is_absolute():
            raise BadRequest(f"a folder is named from the root of the disk, got {folder!r:.200}")
        found = sorted(path for path in root.iterdir() if path.is_file() and not path.name.startswith("."))
    except (OSError, ValueError, RuntimeError) as error:
        raise BadRequest(f"the folder {folder!r:.200} cannot be read: {getattr(error, 'strerror', error)}") from error
    if not 1 <= len(found) <= MOST:
        raise BadRequest(f"the folder has {len(found)} files, a batch has 1 to {MOST}")
    return found


def brought(app: App, path: Path, owner: str) -> Input:
    try:
        if not 0 < (size := path.stat().st_size) <= MAX_BYTES:  # those of /proc have no size, and may never end
            raise BadRequest(f"a picture has 1 byte to {MAX_BYTES // 1_000_000} MB, this file has {size}")
        data = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"the file cannot be read: {error.strerror or error}") from error
    return app.inputs.put(owner, data)


def request_for(batch: Batch, picture: Input) -> AnyRequest:
    """The batch's request with this picture, and with what its own text says of the fields that are its own."""
    own: dict[str, Any] = {}
    if batch.own and picture.infotext:
        said, _ = fields_from_infotext(picture.infotext)
        own = {name: said[name] for name in batch.own if name in said}
    return parse_any({**batch.request, **own, "image": picture.id})
