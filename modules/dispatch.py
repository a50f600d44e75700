"""Hop three: jobs are taken from the queue in turn, and their events go to watchers, gallery and journal."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from modules.core.errors import CannotSave, NotThere, TaffyError, WorkerLost
from modules.core.events import Cancelled, Ending, Failed, Finished, Loaded, Loading, PictureMade, Shown, Stepped
from modules.core.request import GenerationRequest
from modules.core.task import Describe, Load, Task
from modules.jobs import look
from modules.jobs.job import Job, task_of
from modules.jobs.prepare import install, wake
from modules.jobs.watch import WorkerStatus

if TYPE_CHECKING:
    from modules.app import App

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0  # after the disk refused the journal


class Dispatcher:
    """Owns the app's worker: nobody else gives it tasks. `run` is a thread's whole life."""

    def __init__(self, app: App) -> None:
        self._app = app

    def run(self) -> None:
        """Jobs one after the other, looks between them, until the program stops."""
        app = self._app
        try:
            install(app.packages, app.watchers, app.stopping)
        except TaffyError as error:
            app.watchers.worker_is(WorkerStatus("failed", f"{error.message}; {error.advice}"))
            return
        if not app.stopping.is_set():
            wake(app.worker, self._first_task(), app.watchers)
        while not app.stopping.is_set():
            try:
                self._look()
                if job := app.queue.take():
                    self._survive(job)
            except CannotSave as error:  # the disk has no room even for the journal
                log.error("%s; trying again in %.0f seconds", error.message, RETRY_SECONDS)
                app.watchers.worker_is(WorkerStatus("ready", error.message))
                app.stopping.wait(RETRY_SECONDS)

    def _first_task(self) -> Task:
        try:
            return Load("warm-up", self._app.card("").name)
        except TaffyError:  # whoever wants to use it will be told
            return Describe("warm-up")

    def _survive(self, job: Job) -> None:
        """Make a job, whatever becomes of it. Raises CannotSave if the journal cannot say what did."""
        app = self._app
        try:
            self.make(job)
            app.watchers.worker_is(WorkerStatus("ready"))
        except WorkerLost as error:
            app.queue.give_back(job.id, error.message)
            self._restart(error)
        except CannotSave:
            raise
        except Exception as error:  # a bug on this side must not stop the thread that all later jobs wait for
            log.exception("job %s failed", job.id)
            app.queue.end(job.id, "failed", f"something went wrong inside: {error}", "the log has the details")
            app.watchers.worker_is(WorkerStatus("ready"))
        finally:
            app.watchers.end(job.id)

    def _restart(self, error: WorkerLost) -> None:
        app = self._app
        if not app.stopping.is_set():
            app.watchers.worker_is(WorkerStatus("restarting", f"{error.message} It is being started again."))
            wake(app.worker, Describe("restart"), app.watchers)

    def make(self, job: Job) -> None:
        """The road of one job: to the worker, each picture to the gallery, its end to the journal; watchers see all."""
        app = self._app
        made = len(app.gallery.of_job(job.id, job.owner))  # by an attempt before a crash
        if made == job.count:
            app.queue.end(job.id, "done")
            return
        try:
            task = task_of(job, made, app.inputs.read)
        except NotThere as error:
            app.queue.end(job.id, "failed", error.message, error.advice)
            return
        app.watchers.worker_is(WorkerStatus("busy"))
        app.watchers.begin(job, made)
        for event in app.worker.run(task):
            if not app.queue.is_running(job.id) and not isinstance(event, Ending):
                app.worker.cancel(job.id)  # stopped, or failed on this side: the worker may not know yet
            match event:
                case Loading() | Loaded() | Stepped() | Shown():
                    app.watchers.follow(event)
                case PictureMade():
                    self._keep(job, replace(event, index=made + event.index))
                case Finished():
                    app.queue.end(job.id, "done")
                    app.pace.learn(app.watchers.view(job.owner))
                case Cancelled():
                    app.queue.end(job.id, "cancelled")
                case Failed():
                    app.queue.end(job.id, "failed", event.message, event.advice)

    def _keep(self, job: Job, picture: PictureMade) -> None:
        """A picture to the gallery. A full disk fails the job."""
        app = self._app
        try:
            saved = app.gallery.save(job.id, job.owner, job.request, picture, self._came_with(job))
        except CannotSave as error:
            app.queue.end(job.id, "failed", error.message, error.advice)
        else:
            if isinstance(saved.request, GenerationRequest):
                app.host.saved(saved.id, saved.request)
            if app.gallery.newest(job.owner, 2) == (saved,):
                print(f"The first picture is {app.gallery.file(saved.id, job.owner)}", flush=True)
        app.watchers.changed()

    def _came_with(self, job: Job) -> str:
        """The text of the picture that a job without words makes larger."""
        if not isinstance(job.request, GenerationRequest):
            with suppress(NotThere):
                return self._app.inputs.get(job.request.image, job.owner).infotext
        return ""

    def _look(self) -> None:
        """Answer those who ask what their request would start from."""
        app = self._app
        while not app.stopping.is_set() and (asked := app.looks.take()):
            try:
                look.answer(asked, app.worker, app.inputs.read, app.watchers.follow)
            except WorkerLost as error:
                self._restart(error)
