"""Pictures that people bring, over HTTP: raw, in a form, or from the gallery; and back, to those they belong to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from io import SEEK_END
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from modules.api.jobs import read_json
from modules.api.people import Asking, whose
from modules.api.pictures import FOR_EVER
from modules.api.view import Json
from modules.app import App
from modules.core.errors import BadRequest, CannotSave
from modules.core.people import Person
from modules.core.request import parse_request
from modules.core.requests import REQUEST, Input
from modules.text.infotext import fields_from_infotext

WAYS = 'send the file itself as image/*, a form with the field "file", or {"picture": id} as JSON'


def input_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/inputs")

    @routes.post("")
    async def bring(request: Request, person: Asking) -> JSONResponse:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            return JSONResponse(await from_gallery(app, request, person), status_code=201)
        owner = person.must_make()
        async with sent(request, kind, app.settings.data_dir) as data:
            known = await run_in_threadpool(app.inputs.put, owner, data)
        return JSONResponse(about(known), status_code=201)

    @routes.get("/{input_id}")
    def one(person: Asking, input_id: str) -> FileResponse:
        file = app.inputs.file(input_id, whose(person, app.inputs.owner_of, input_id))
        return FileResponse(file, media_type="image/png", headers=FOR_EVER)

    @routes.get("/{input_id}/about")
    def known(person: Asking, input_id: str) -> Json:
        return about(app.inputs.get(input_id, whose(person, app.inputs.owner_of, input_id)))

    return routes


def about(known: Input) -> Json:
    """What the page hears of an input picture. fields: those of a request that its own text speaks of."""
    said, _ = fields_from_infotext(known.infotext) if known.infotext else ({}, ())
    request = REQUEST.dump_python(parse_request(said), mode="json")
    return {**asdict(known), "url": f"/inputs/{known.id}", "fields": {name: request[name] for name in said}}


async def from_gallery(app: App, request: Request, person: Person) -> Json:
    values = await read_json(request)
    picture = values.get("picture")
    if values.keys() != {"picture"} or not isinstance(picture, str):
        raise BadRequest('a picture of the gallery is named by its id: {"picture": id}')

    def put() -> Input:
        file = app.gallery.file(picture, whose(person, app.gallery.owner_of, picture))
        return app.inputs.put(person.must_make(), file.read_bytes(), parent=picture)

    return about(await run_in_threadpool(put))


@asynccontextmanager
async def sent(request: Request, kind: str, folder: Path) -> AsyncIterator[bytes | mmap]:
    """The file in a request, on the disk however large it is. Raises BadRequest, CannotSave."""
    if kind.startswith("image/"):
        with TemporaryFile(dir=folder) as file:
            try:
                async for chunk in request.stream():
                    file.write(chunk)
                file.flush()
            except OSError as error:
                raise CannotSave(f"the picture cannot be kept: {error.strerror or error}", "make room") from error
            with mapped(file) as data:
                yield data
    elif kind == "multipart/form-data":
        async with posted(request) as sent_file:
            with mapped(sent_file) as data:
                yield data
    else:
        raise BadRequest(f"a picture cannot come as {kind[:60] or 'nothing'}", WAYS)


@contextmanager
def mapped(file: IO[bytes]) -> Iterator[bytes | mmap]:
    """A file's bytes, which stay on the disk until they are looked at."""
    if not file.seek(0, SEEK_END):
        yield b""
        return
    with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        yield data


@asynccontextmanager
async def posted(request: Request) -> AsyncIterator[IO[bytes]]:
    """The file of a form. Raises BadRequest."""
    try:
        form = await request.form(max_files=1, max_fields=8)
    except HTTPException as error:
        raise BadRequest(f"the form cannot be read: {error.detail}", WAYS) from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise BadRequest('the form has no field "file" with a file in it', WAYS)
        yield file.file
    finally:
        await form.close()
