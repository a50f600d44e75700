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
    JobCard,
    Outcome,
    Picture,
    Route,
    Tab,
    TaffyError,
    hookimpl,
)

from . import asking, carrying, tab, weights
from .branch import branch_of
from .experiment import experiment
from .film import film
from .kept import make_room
from .originality import originality
from .pieces import sweep
from .routes import branch, looks, steps
from .running import numbers, running, watch
from .verify import verify

MB = 1_000_000
EVERY = 0.5  # seconds between two pieces that a running job keeps
STYLES = ("inside.css", "panels.css", "carrying.css")
SCRIPTS = (
    "lines.js", "heat.js", "panels.js", "branching.js", "words.js", "latents.js", "weights.js", "vae.js",
    "carrying.js", "original.js", "opening.js", "experiment.js", "tour.js", "following.js", "choice.js", "kin.js",
    "player.js", "inside.js",
    "called.js",
)  # fmt: skip
WATCH = "A few percent slower; without it Inside goes the same way once more when you ask."


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
        Control("watch", "Watch where words look while pictures are made", "checkbox", False, WATCH),
        Control("room", "Room for steps, MB", "slider", 2000, room, minimum=10, maximum=1_000_000, step=10),
    ]


@hookimpl
def assets() -> Sequence[str]:
    return [*STYLES, *SCRIPTS]


@hookimpl
def routes() -> Sequence[Route]:
    return [
        Route("GET", "steps", steps),
        Route("GET", "looks", looks),
        Route("GET", "running", running),
        Route("GET", "running-latent", numbers),
        Route("POST", "watch", watch),
        Route("POST", "branch", branch),
        Route("GET", "words", asking.words),
        Route("GET", "latent", asking.latent),
        Route("GET", "parts", asking.parts),
        Route("GET", "vae", asking.vae),
        Route("GET", "weights", weights.weights),
        Route("POST", "weigh", weights.weigh),
        Route("POST", "weigh-stop", weights.stop),
        Route("GET", "experiment", experiment),
        Route("GET", "carry", carrying.carry),
        Route("POST", "bring", carrying.bring),
        Route("POST", "film", film),
        Route("POST", "verify", verify),
        Route("GET", "originality", originality),
    ]


@hookimpl
def buttons() -> Sequence[Button]:
    info = "How this picture came out of the noise, step by step."
    return [Button("inside", "Inside", open_inside, info, open_running)]


def open_inside(picture: Picture, desk: Desk) -> Outcome:
    return Outcome(link=f"#inside={picture.id}")


def open_running(job: JobCard, desk: Desk) -> Outcome:
    return Outcome(link=f"#inside-job={job.id}")


@hookimpl
def pack(job_id: str, request: GenerationRequest, desk: Desk) -> Mapping[str, bytes]:
    """Whether to keep steps; for a branch the record it leaves, which must be of the same person's."""
    sweep(desk, job_id)  # an attempt before a crash may have left its steps
    options = {"keep": desk.settings["keep"], "watch": desk.settings["watch"], "every": EVERY}
    given = {"options": json.dumps(options).encode()}
    with suppress(TaffyError):  # the worker half says what is missing, and ends the job with that
        if left := branch_of(request):
            desk.job(left.job, desk.owner_of(job_id))
            given["steps"] = desk.attached(left.job, left.key)
    return given


@hookimpl
def after_job(job_id: str, desk: Desk) -> None:
    sweep(desk, job_id)
    make_room(desk, int(desk.settings["room"]) * MB)
