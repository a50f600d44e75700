"""Scripts and styles of the page, Taffy's and Gradio's, from memory: a page opens with a hundred of them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from fastapi import FastAPI, Request
from fastapi.responses import Response

from modules.api.scripts import joined
from modules.core.errors import NotThere

OURS = Path(__file__).parents[1] / "ui" / "assets"
TEXTS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
TYPES = {**TEXTS, ".png": "image/png", ".ttf": "font/ttf", ".woff": "font/woff", ".woff2": "font/woff2"}
ASK_AGAIN, FOR_EVER = "no-cache", "private, max-age=31536000, immutable"
NOTHING: Mapping[str, str] = MappingProxyType({})
QUICKLY = 1  # of gzip's levels: three times smaller, in milliseconds


@dataclass(frozen=True)
class Asset:
    """packed: the content as gzip has it; None where that would be no smaller. tag: for "did it change?"."""

    content: bytes
    packed: bytes | None
    media_type: str
    tag: str


def add_assets(server: FastAPI) -> None:
    """Ours below /taffy, as they are now; below /assets Gradio's, which it would read and compress anew for every page.

    Names of Gradio's carry a hash of the content. It is only found, not imported: that takes seconds.
    """
    found = find_spec("gradio")
    assert found is not None
    assert found.origin is not None
    theirs = Path(found.origin).parent / "templates" / "frontend" / "assets"
    texts = joined({name: file.read_text("utf-8") for name, file in files_of(OURS).items() if file.suffix in TEXTS})
    ours = reader(OURS, texts)
    for name in (*files_of(OURS), *texts):
        ours(name)
    add_folder(server, "/taffy", ours, ASK_AGAIN)
    add_folder(server, "/assets", reader(theirs), FOR_EVER)


def files_of(folder: Path) -> dict[str, Path]:
    """Those that may be served, by name."""
    return {file.name: file for file in folder.iterdir() if file.suffix in TYPES}


def reader(folder: Path, texts: Mapping[str, str] = NOTHING) -> Callable[[str], Asset]:
    """Gives an asset by its name, read when it is asked for first. That raises NotThere.

    texts: what takes the place of files, or is none.
    """
    known = files_of(folder)

    @cache
    def read(name: str) -> Asset:
        if name not in known and name not in texts:
            raise NotThere(f"there is no asset {name!r:.100}")
        content = texts[name].encode() if name in texts else known[name].read_bytes()
        kind = Path(name).suffix
        packed = gzip.compress(content, QUICKLY, mtime=0) if kind in TEXTS else content
        tag = f'"{sha256(content).hexdigest()[:16]}"'
        return Asset(content, packed if len(packed) < len(content) else None, TYPES[kind], tag)

    return read


def add_folder(server: FastAPI, path: str, read: Callable[[str], Asset], caching: str) -> None:
    """Serve assets below a path. caching: what Cache-Control says of them."""

    @server.get(f"{path}/{{name}}")
    async def asset(name: str, request: Request) -> Response:
        found = read(name)
        headers = {"Cache-Control": caching, "ETag": found.tag, "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == found.tag:
            return Response(status_code=304, headers=headers)
        if found.packed and "gzip" in request.headers.get("Accept-Encoding", ""):
            return Response(found.packed, media_type=found.media_type, headers={**headers, "Content-Encoding": "gzip"})
        return Response(found.content, media_type=found.media_type, headers=headers)
