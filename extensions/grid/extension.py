"""The Grid tab and its pages; cells are ordinary jobs, so each picture is saved by itself and none can be lost."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from modules.hooks import BadRequest, Call, Desk, Reply, Route, Tab, hookimpl, parse_request

from . import book
from .values import FIELDS, OWN

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Grid - Taffy</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/extensions/files/grid/grid.css">
<body class="grid-page"><taffy-grid-view data-grid="{id}"></taffy-grid-view>
<script type="module" src="/extensions/files/grid/grid.js"></script></body></html>"""


def build(desk: Desk) -> None:
    import gradio as gr  # takes seconds, and the page has it by now

    names = [*OWN, *FIELDS, *sorted({f"{one.extension}.{one.name}" for one in desk.controls("txt2img")})]
    gr.HTML(f'<taffy-grid-maker data-fields="{escape(json.dumps(names))}"></taffy-grid-maker>')


@hookimpl
def tabs() -> list[Tab]:
    return [Tab("grid", "Grid", 60, build)]


@hookimpl
def assets() -> list[str]:
    return ["grid.css", "grid.js"]


@hookimpl
def after_job(job_id: str, desk: Desk) -> None:
    book.feed_open(desk)


def start(call: Call, desk: Desk) -> Reply:
    values = _object(call)
    axes = [(str(one.get("field")), str(one.get("values"))) for one in values.get("axes", []) if isinstance(one, dict)]
    base = parse_request(values.get("request") or {})
    return Reply.json(book.shown(desk, book.feed(desk, book.plan(base, axes, call.owner))))


def cells(call: Call, desk: Desk) -> Reply:
    grid = book.load(desk, call.query.get("id", ""), call.owner)
    return Reply.json(book.shown(desk, book.feed(desk, grid)))


def every(call: Call, desk: Desk) -> Reply:
    return Reply.json(
        [{"id": one.id, "axes": one.axes, "created": one.created} for one in book.grids(desk, call.owner)]
    )


def again(call: Call, desk: Desk) -> Reply:
    grid = book.load(desk, str(_object(call).get("id")), call.owner)
    return Reply.json(book.shown(desk, book.again(desk, grid)))


def stop(call: Call, desk: Desk) -> Reply:
    grid = book.load(desk, str(_object(call).get("id")), call.owner)
    return Reply.json(book.shown(desk, book.stop(desk, grid)))


def page(call: Call, desk: Desk) -> Reply:
    return Reply.html(PAGE.format(id=escape(book.load(desk, call.query.get("id", ""), call.owner).id)))


@hookimpl
def routes() -> list[Route]:
    return [
        Route("POST", "start", start),
        Route("GET", "cells", cells),
        Route("GET", "all", every),
        Route("POST", "again", again),
        Route("POST", "stop", stop),
        Route("GET", "page", page),
    ]


def _object(call: Call) -> dict[str, Any]:
    try:
        values = call.json()
    except ValueError as error:
        raise BadRequest(f"this is not readable JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadRequest("send a JSON object")
    return values
