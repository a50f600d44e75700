"""The grids: a file for each, with its cells and their jobs. Cells go into the queue a few at a time."""

from __future__ import annotations

import json
import random
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from threading import RLock
from typing import Any

from modules.hooks import BadRequest, Desk, GenerationRequest, NotThere, QueueFull, TaffyError

from .values import Change, axis, changed

AT_ONCE = 4  # cells in the queue, so that other jobs find their place between them
MOST_CELLS = 2000
ID = re.compile(r"[A-Za-z0-9_-]{8,40}")
LOCK = RLock()


@dataclass(frozen=True)
class Cell:
    """job: id of its job, empty while it waits for its turn. error: why it has none."""

    changes: list[Change]
    job: str = ""
    error: str = ""


@dataclass(frozen=True)
class Grid:
    """axes: (title, labels), X first. cells: in the order of Z, Y, X. stopped: no more cells are begun."""

    id: str
    owner: str
    created: float
    base: Mapping[str, Any]
    axes: Sequence[tuple[str, list[str]]]
    cells: list[Cell] = field(default_factory=list)
    stopped: bool = False

    def request(self, cell: Cell) -> GenerationRequest:
        return changed(GenerationRequest(**self.base), cell.changes)


def plan(base: GenerationRequest, wanted: Sequence[tuple[str, str]], owner: str) -> Grid:
    """A grid over up to three axes of (field, values as text). All cells share a seed unless an axis varies it.

    Raises BadRequest.
    """
    if not 1 <= len(wanted) <= 3:
        raise BadRequest(
            f"a grid varies one to three fields, this one varies {len(wanted) or 'none'}", "choose one for X"
        )
    base = replace(base, count=1, batch_size=1, variants=())
    if base.seed < 0:
        base = replace(base, seed=random.getrandbits(32))
    axes = [(kind, axis(kind, text, base)) for kind, text in wanted]
    cells = [Cell([change for _, change in reversed(at)]) for at in product(*(values for _, values in reversed(axes)))]
    if len(cells) > MOST_CELLS:
        raise BadRequest(f"a grid has at most {MOST_CELLS} cells, this one would have {len(cells)}")
    titles = [(kind, [label for label, _ in values]) for kind, values in axes]
    return Grid(secrets.token_urlsafe(9), owner, time.time(), plain(base), titles, cells)


def plain(request: GenerationRequest) -> dict[str, Any]:
    """A request as JSON, what differs from the defaults."""
    usual = asdict(GenerationRequest())
    return {name: value for name, value in asdict(request).items() if value != usual[name]}


def save(desk: Desk, grid: Grid) -> None:
    """Written beside and renamed, so that a crash leaves the old one."""
    path = _path(desk, grid.id)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(grid)), encoding="utf-8")
    unfinished.replace(path)
    mark = path.with_suffix(".open")
    if grid.stopped or all(cell.job or cell.error for cell in grid.cells):
        mark.unlink(missing_ok=True)
    else:
        mark.touch()


def load(desk: Desk, id: str, owner: str = "") -> Grid:
    """owner: who asks, empty for the program itself. Raises NotThere, also for grids of others and damaged files."""
    try:
        values = json.loads(_path(desk, id).read_text(encoding="utf-8"))
        cells = [Cell(**cell) for cell in values.pop("cells")]
        grid = Grid(**{**values, "axes": [(title, labels) for title, labels in values["axes"]]}, cells=cells)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotThere(f"there is no grid {id!r:.40}") from error
    if owner not in {"", grid.owner}:
        raise NotThere(f"there is no grid {id!r:.40}")
    return grid


def grids(desk: Desk, owner: str) -> list[Grid]:
    """An owner's, newest first."""
    found = []
    for file in desk.folder.glob("*.json"):
        try:
            found.append(load(desk, file.stem, owner))
        except NotThere:
            continue
    return sorted(found, key=lambda grid: -grid.created)


def feed(desk: Desk, grid: Grid) -> Grid:
    """Put the next cells into the queue, as long as fewer than AT_ONCE wait. A cell that is refused says why."""
    with LOCK:
        waiting = sum(_state(desk, grid, cell) in {"waiting", "running"} for cell in grid.cells if cell.job)
        cells = list(grid.cells)
        for at, cell in enumerate(cells):
            if cell.job or cell.error:
                continue
            if grid.stopped or waiting >= AT_ONCE:
                break
            try:
                cells[at] = replace(cell, job=desk.submit(grid.request(cell), grid.owner))
            except QueueFull:
                break
            except TaffyError as error:
                cells[at] = replace(cell, error=f"{error.message} {error.advice}".strip())
            else:
                waiting += 1
        grid = replace(grid, cells=cells)
        save(desk, grid)
    return grid


def feed_open(desk: Desk) -> None:
    """The same for every grid that has cells left, whosever it is. One that a power cut damaged is passed over."""
    for mark in sorted(desk.folder.glob("*.open")):
        with LOCK, suppress(NotThere):
            feed(desk, load(desk, mark.stem))


def again(desk: Desk, grid: Grid) -> Grid:
    """Cells that failed, were stopped or lost get another chance."""
    bad = {"failed", "cancelled", "lost"}
    with LOCK:
        cells = [
            Cell(one.changes) if one.error or (one.job and _state(desk, grid, one) in bad) else one
            for one in grid.cells
        ]
        return feed(desk, replace(grid, cells=cells, stopped=False))


def stop(desk: Desk, grid: Grid) -> Grid:
    """Begin no more cells, and take back those that wait."""
    with LOCK:
        grid = replace(grid, stopped=True)
        save(desk, grid)
    for cell in grid.cells:
        if cell.job and _state(desk, grid, cell) in {"waiting", "running"}:
            desk.cancel(cell.job, grid.owner)
    return grid


def shown(desk: Desk, grid: Grid) -> dict[str, Any]:
    """A grid for the page: the state of each cell, its picture, its error."""
    cells = []
    for cell in grid.cells:
        known: dict[str, Any] = {"state": "failed" if cell.error else "planned", "error": cell.error, "picture": ""}
        if cell.job:
            try:
                job = desk.job(cell.job, grid.owner)
            except NotThere:
                known = {"state": "lost", "error": "its job is gone", "picture": ""}
            else:
                picture = job.pictures[0].id if job.pictures else ""
                known = {"state": job.state, "error": job.error, "picture": picture}
        cells.append(known)
    return {"id": grid.id, "axes": grid.axes, "cells": cells, "stopped": grid.stopped, "created": grid.created}


def _state(desk: Desk, grid: Grid, cell: Cell) -> str:
    try:
        return desk.job(cell.job, grid.owner).state
    except NotThere:
        return "lost"


def _path(desk: Desk, id: str) -> Path:
    if not ID.fullmatch(id):
        raise NotThere(f"there is no grid {id!r:.40}")
    return desk.folder / f"{id}.json"
