"""Every route of a running server, wherever it is hidden: those of the page, of included routers, of extensions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fastapi import FastAPI
from starlette.routing import BaseRoute

from modules.api.guard import Guard
from modules.app import App
from modules.hooks.front_host import check_route
from modules.hooks.front_values import Route


def every_route(guard: Guard, app: App) -> list[tuple[str, str]]:
    """Method and path of all that a server answers to; parameters stand in braces."""
    server = guard.asgi_app
    assert isinstance(server, FastAPI)
    own = (
        (route.method, f"/extensions/{route.extension}/api/{route.path}")
        for route in app.host._registered("routes", Route, check_route)
    )
    return sorted({*_walk(server.routes), *own})


def filled(path: str, value: str = "x") -> str:
    """A path with this in the place of every parameter."""
    return re.sub(r"\{[^}]*\}", lambda _: value, path)


def _walk(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        path = prefix + str(getattr(route, "path", ""))
        included = getattr(route, "include_context", None)  # FastAPI wraps routers, and keeps their prefix there
        router = getattr(route, "original_router", route)
        if inner := getattr(router, "routes", None):
            yield from _walk(list(inner), path + str(getattr(included, "prefix", "")))
        for method in getattr(route, "methods", None) or (() if inner else {"GET"}):
            yield method, path
