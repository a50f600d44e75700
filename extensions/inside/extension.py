"""The front half: the tab Inside, what it asks for, and the room that steps may take."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from modules.hooks import (
    Button,
    Control,
    Desk,
    GenerationRequest,
    Outcome,
    Picture,
    Route,
    Tab,
    TaffyError,
    hookimpl,
)

from . import tab
from .branch import branch_of
from .kept import make_room
from .routes import branch, looks, steps

MB = 1_000_000


@hookimpl
def tabs() -> Sequence[Tab]:
    return [Tab("inside", "Inside", 50, tab.build)]


@hookimpl
def controls(tab: str) -> Sequence[Control]:
    return [Control("branch", "Branch", "hidden")] if tab == "inside" else []


@hookimpl
def settings() -> Sequence[Control]:
    room = "0.07 MB a step for a picture of 512 x 512; when it is full the oldest are thrown away. Pictures stay."
    return [
        Control(
            "keep", "Keep the steps of every picture", "checkbox", True, "So that Inside can show and change them."
        ),
        Control("room", "Room for steps, MB", "slider", 2000, room, minimum=10, maximum=1_000_000, step=10),
    ]


@hookimpl
def assets() -> Sequence[str]:
    return ["inside.css", "lines.js", "branching.js", "inside.js"]


@hookimpl
def routes() -> Sequence[Route]:
    return [Route("GET", "steps", steps), Route("GET", "looks", looks), Route("POST", "branch", branch)]


@hookimpl
def buttons() -> Sequence[Button]:
    return [Button("inside", "Inside", open_inside, "How this picture came out of the noise, step by step.")]


def open_inside(picture: Picture, desk: Desk) -> Outcome:
    return Outcome(link=f"#inside={picture.id}")


@hookimpl
def pack(job_id: str, request: GenerationRequest, desk: Desk) -> Mapping[str, bytes]:
    """Whether to keep steps; for a branch the record it leaves, which must be of the same person's."""
    given = {"options": json.dumps({"keep": desk.settings["keep"]}).encode()}
    with suppress(TaffyError):  # the worker half says what is missing, and ends the job with that
        if left := branch_of(request):
            desk.job(left.job, desk.owner_of(job_id))
            given["steps"] = desk.attached(left.job, left.key)
    return given


@hookimpl
def after_job(job_id: str, desk: Desk) -> None:
    make_room(desk, int(desk.settings["room"]) * MB)
