"""What a watcher is told, as plain JSON values. Knows the words of the wire; asks the app for everything else."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from typing import Any

from modules.app import App
from modules.core.events import Frame
from modules.core.people import Person
from modules.core.requests import REQUEST
from modules.desk import picture_of
from modules.gallery import Saved
from modules.jobs.job import Job
from modules.jobs.journal import EVERYBODY
from modules.jobs.watch import JobView
from modules.waiting import Place, places

RECENT = 12

Json = dict[str, Any]


def whole_view(app: App, person: Person) -> Json:
    """The `state` event: the engine, the person's running job, what waits, what ended lately.

    The owner sees everybody's waiting and running jobs; those of others have a name.
    """
    owner = person.sees
    views = app.views(owner)
    view = next(iter(views), None)
    others = [other for other in app.watchers.views() if person.sees_all and other.job.owner != owner]
    paused = app.queue.journal.paused()
    running_ids = {view.job.id for view in views}  # it may have ended since: a job is in one place only
    recent = [job for job in app.queue.journal.recent(owner, RECENT) if job.id not in running_ids]
    return {
        "worker": asdict(app.watchers.worker),
        "checkpoint": app.watchers.checkpoint,
        "engine": asdict(app.watchers.card) if app.watchers.card else None,
        "running": running(app, view) if view else None,
        "waiting": [waiting(place, owner) for place in places(app) if person.sees_all or place.job.owner == owner],
        "others": [
            *(running(app, further) for further in views[1:]),  # on other devices
            *(running(app, other) | {"owner": other.job.owner} for other in others),
        ],
        "paused": {"own": owner in paused, "all": EVERYBODY in paused},
        "me": {"name": person.name, "role": person.role, "shared": app.access.is_shared},
        "recent": [ended(app, job) for job in recent],
    }


def waiting(place: Place, owner: str) -> Json:
    """position: 1 is the next of everybody's. seconds: until it begins, or null."""
    job = place.job
    seconds = None if place.seconds is None else round(place.seconds)
    about: Json = {
        "id": job.id,
        "prompt": job.title,
        "position": place.position,
        "seconds": seconds,
        "rests": place.rests,
    }
    return about if job.owner == owner else about | {"owner": job.owner}


def running(app: App, view: JobView) -> Json:
    job = view.job
    return {
        "id": job.id,
        "prompt": job.title,
        "checkpoint": getattr(job.request, "checkpoint", ""),
        "step": view.step,
        "steps": view.steps,
        "picture": view.picture,
        "count": job.count,
        "seconds_left": view.seconds_left,
        "message": view.message,
        "sigmas": [float(f"{sigma:.3g}") for sigma in view.sigmas],
        "pictures": pictures(app, job),
    }


def ended(app: App, job: Job) -> Json:
    return {
        "id": job.id,
        "prompt": job.title,
        "state": job.state,
        "error": job.error,
        "advice": job.advice,
        "film": job.id in app.watchers.films,
        "pictures": pictures(app, job),
    }


def one_job(app: App, job: Job) -> Json:
    """Everything about one job, whatever its state; how far it is while it runs."""
    live = app.watchers.view_of(job.id)
    request = REQUEST.dump_python(job.request, mode="json")
    about = {"request": request, "created": job.created, "attempts": job.attempts, "owner": job.owner}
    return ended(app, job) | about | (running(app, live) if live and app.queue.is_running(job.id) else {})


def pictures(app: App, job: Job) -> list[Json]:
    return [
        {**picture(saved), "columns": app.host.column_values(picture_of(saved))}
        for saved in app.gallery.of_job(job.id, job.owner)
    ]


def picture(saved: Saved) -> Json:
    return {
        "id": saved.id,
        "url": f"/pictures/{saved.id}",
        "seed": saved.seed,
        "width": saved.width,
        "height": saved.height,
        "infotext": saved.infotext,
    }


def frame(view: JobView) -> Json | None:
    """The `frame` event: the newest preview, as a picture the page can show as it is."""
    if view.frame is None:
        return None
    return {
        "job": view.job.id,
        "n": view.n,
        "step": view.frame_step,
        "steps": view.steps,
        **frame_source(view.frame),
    }


def frame_source(frame: Frame) -> Json:
    """A frame as a picture the page can show as it is."""
    src = f"data:image/jpeg;base64,{b64encode(frame.jpeg).decode()}"
    return {"width": frame.width, "height": frame.height, "method": frame.method, "src": src}
