"""Hop three: jobs are taken from the queue in turn, and their events go to watchers, gallery and journal."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from modules.core.errors import CannotSave, NotThere, TaffyError, WorkerLost
from modules.core.events import (
    Attached,
    Cancelled,
    Described,
    Ending,
    Event,
    Failed,
    Faulted,
    Finished,
    Hung,
    Loaded,
    Loading,
    PictureMade,
    Shown,
    Stepped,
    Told,
)
from modules.core.request import GenerationRequest
from modules.core.task import Ask, Load, Task, Unload
from modules.jobs import look, questions
from modules.jobs.job import Job, task_of
from modules.jobs.prepare import install, wait_for, wake
from modules.jobs.watch import WorkerStatus

if TYPE_CHECKING:
    from modules.app import App

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0  # after the disk refused the journal


class Dispatcher:
    """Owns one of the app's workers: nobody else gives it tasks. `run` is a thread's whole life."""

    def __init__(self, app: App, device: int = 0) -> None:
        self._app = app
        self._worked = monotonic()
        self._device = device
        self._worker = app.workers[device]

    @property
    def _loaded(self) -> str:
        """The checkpoint this worker has."""
        return self._app.watchers.loaded(self._device)

    def _follow(self, event: Loading | Loaded | Described | Stepped | Shown) -> None:
        self._app.watchers.follow(event, self._device)

    def _is(self, status: WorkerStatus) -> None:
        self._app.watchers.worker_is(status, self._device)

    def run(self) -> None:
        """Jobs one after the other, looks between them, until the program stops."""
        app = self._app
        try:
            if self._device == 0:
                install(app.packages, app.watchers, app.stopping)
            else:
                wait_for(app.packages, app.stopping)
        except TaffyError as error:
            self._is(WorkerStatus("failed", f"{error.message}; {error.advice}"))
            return
        if not app.stopping.is_set():
            if not self._wake(self._first_task()) and self._device > 0:
                app.extending.questions.leave(self._device)  # the others make all jobs
                return
            app.extending.questions.put(app.extending.switch_task(), self._device)
        self._worked = monotonic()
        while not app.stopping.is_set():
            try:
                self._look()
                answered = self._answer()
                if job := app.queue.take(self._device, self._loaded, self._patience(), job_first=answered):
                    self._survive(job)
                    self._worked = monotonic()
                elif self._patience() == 0:
                    app.extending.questions.put(Unload("unload"), self._device)
            except CannotSave as error:  # the disk has no room even for the journal
                log.error("%s; trying again in %.0f seconds", error.message, RETRY_SECONDS)
                self._is(WorkerStatus("ready", error.message))
                app.stopping.wait(RETRY_SECONDS)

    def _patience(self) -> float | None:
        """Seconds until weights have lain idle long enough to be given back; None: they may stay."""
        minutes = self._app.settings.unload_after
        if not minutes or not self._loaded:
            return None
        return max(0.0, self._worked + 60 * minutes - monotonic())

    def _first_task(self) -> Task:
        try:
            return Load("warm-up", self._app.card("").name)
        except TaffyError:  # whoever wants to use it will be told
            return self._app.extending.switch_task()

    def _wake(self, task: Task) -> bool:
        """Whether the worker lives, after a first task of no consequence."""
        self._is(status := wake(self._worker, task, self._follow, self._hear))
        return status.state != "failed"

    def _survive(self, job: Job) -> None:
        """Make a job, whatever becomes of it. Raises CannotSave if the journal cannot say what did."""
        app = self._app
        try:
            self.make(job)
            self._tell_end(job)
            self._is(WorkerStatus("ready"))
        except WorkerLost as error:
            app.queue.give_back(job.id, error.message)
            self._restart(error)
        except CannotSave:
            raise
        except Exception as error:  # a bug on this side must not stop the thread that all later jobs wait for
            log.exception("job %s failed", job.id)
            app.queue.end(job.id, "failed", f"something went wrong inside: {error}", "the log has the details")
            self._is(WorkerStatus("ready"))
        finally:
            app.watchers.end(job.id)

    def _restart(self, error: WorkerLost) -> None:
        app = self._app
        if not app.stopping.is_set():
            self._is(WorkerStatus("restarting", f"{error.message} It is being started again."))
            self._wake(app.extending.switch_task())
            for task in questions.news(app.settings):  # they may have changed since the start
                app.extending.questions.put(task, self._device)

    def make(self, job: Job) -> None:
        """The road of one job: to the worker, each picture to the gallery, its end to the journal; watchers see all."""
        app = self._app
        made = len(app.gallery.of_job(job.id, job.owner))  # by an attempt before a crash
        if made == job.count:
            app.queue.end(job.id, "done")
            return
        try:
            task = task_of(job, made, app.inputs.read, self._packed(job))
        except NotThere as error:
            app.queue.end(job.id, "failed", error.message, error.advice)
            return
        self._is(WorkerStatus("busy"))
        app.watchers.begin(job, made)
        for event in self._worker.run(task):
            if not app.queue.is_running(job.id) and not isinstance(event, Ending):
                self._worker.cancel(job.id)  # stopped, or failed on this side: the worker may not know yet
            match event:
                case Loading() | Loaded() | Stepped() | Shown():
                    self._follow(event)
                case PictureMade():
                    self._keep(job, replace(event, index=made + event.index))
                case Finished():
                    app.queue.end(job.id, "done")
                    app.pace.learn(app.watchers.view_of(job.id))
                case Cancelled():
                    app.queue.end(job.id, "cancelled")
                case Failed():
                    app.queue.end(job.id, "failed", event.message, event.advice)
                case _:
                    self._hear(event)

    def _hear(self, event: Event) -> None:
        """What workers say beside the making of pictures."""
        app = self._app
        match event:
            case Loading() | Loaded():
                self._follow(event)
            case Described():
                self._follow(event)
                app.extending.learned(event.card)
            case Told():
                app.host.hear(event.extension, event.task, event.message, app.desk)
            case Attached():
                app.extending.attachments.put(event.task, event.extension, event.key, event.data)
            case Faulted():
                app.extending.worker_fault(event.fault)
                app.watchers.changed()
            case Hung():
                app.queue.end(event.task, "failed", event.fault.message, "the other extensions and jobs go on")
                self._is(WorkerStatus("restarting", event.fault.message))
                app.extending.worker_fault(event.fault)
                app.extending.questions.put_to_all(app.extending.switch_task())  # the new one must not load it again

    def _packed(self, job: Job) -> Mapping[str, bytes]:
        """What extensions give along."""
        if not isinstance(job.request, GenerationRequest):
            return {}
        return self._app.host.pack(job.id, job.request, self._app.desk)

    def _tell_end(self, job: Job) -> None:
        """Extensions hear how a job ended, unless it was taken back or waits again."""
        with suppress(NotThere):
            state = self._app.queue.journal.get(job.id, job.owner).state
            if state not in {"waiting", "running"}:
                self._app.host.ended(job.id, state, self._app.desk)

    def _answer(self) -> bool:
        """Answer extensions that ask their worker half. Returns whether any did: then it is a job's turn."""
        app, answered = self._app, False
        for asked in app.extending.questions.round(self._device):
            answered = answered or isinstance(asked.task, Ask)
            if app.stopping.is_set():
                break
            try:
                questions.answer(asked, self._worker, self._hear)
                self._worked = monotonic()
                self._is(WorkerStatus("ready"))
            except WorkerLost as error:
                self._restart(error)
        return answered

    def _keep(self, job: Job, picture: PictureMade) -> None:
        """A picture to the gallery. A full disk fails the job."""
        app = self._app
        try:
            saved = app.gallery.save(job.id, job.owner, job.request, picture, self._came_with(job))
        except CannotSave as error:
            app.queue.end(job.id, "failed", error.message, error.advice)
        else:
            if isinstance(saved.request, GenerationRequest):
                app.host.saved(saved.id, saved.request, app.desk)
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
                look.answer(asked, self._worker, app.inputs.read, self._follow)
                self._worked = monotonic()
            except WorkerLost as error:
                self._restart(error)
