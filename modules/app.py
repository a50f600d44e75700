"""Wires the parts once. The road of a picture, from a request to a worker, the gallery and the journal, is here."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event as Flag
from threading import Thread
from typing import Any

from modules.attention.base import KERNELS
from modules.core.errors import BadCheckpoint, BadSetting, CannotSave, TaffyError, UnknownName, WorkerLost
from modules.core.events import Cancelled, Ending, Failed, Finished, Loaded, Loading, PictureMade, Stepped
from modules.core.family import CheckpointCard
from modules.core.registry import Registry
from modules.core.request import GenerationRequest
from modules.core.settings import KEYS, ROOT, SETTINGS, Settings
from modules.core.settings_file import SettingsBook
from modules.core.task import Describe, Generate, Load, Task
from modules.core.worker import Worker
from modules.gallery import Gallery
from modules.hooks import Control
from modules.hooks.host import Host
from modules.installing import Install
from modules.jobs.complete import complete
from modules.jobs.job import LOCAL_OWNER, Job
from modules.jobs.journal import Journal
from modules.jobs.prepare import Packages, install, wake
from modules.jobs.queue import JobQueue
from modules.jobs.watch import JobView, Watchers, WorkerStatus
from modules.manager.hashes import Hashes
from modules.manager.index import FOLDER, Index
from modules.preview.base import PREVIEWS
from modules.worker.config import WorkerConfig
from modules.worker.process import ProcessWorker

log = logging.getLogger(__name__)

STARTER = "starter"  # is in the name of the checkpoint that comes with Taffy
EXTENSIONS = ROOT / "extensions"
RETRY_SECONDS = 5.0  # after the disk refused the journal
LAST_SECONDS = 10.0  # for threads to notice that the program stops


@dataclass(frozen=True)
class App:
    """The front process without its web server. It is the `Page` that tabs see."""

    book: SettingsBook
    index: Index
    gallery: Gallery
    queue: JobQueue
    watchers: Watchers
    host: Host
    packages: Packages
    worker: Worker
    _stopping: Flag = field(default_factory=Flag)
    _threads: list[Thread] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.book.now

    def change_settings(self, changes: Mapping[str, object]) -> None:
        """Keep them for the next start; those that can, take effect at once. Raises BadSetting, CannotSave."""
        for key, value in changes.items():
            if (known := self.setting_choices(KEYS.get(key, key))) and value is not None and value not in known:
                raise BadSetting(f"{key} is {value!r:.80}, allowed is {' or '.join(known)}")
        self.book.change(changes)
        self.queue.limit = self.settings.queue_limit

    def setting_choices(self, field: str) -> list[str]:
        """The names a setting can be, where they can be listed; an empty checkpoint is the starter."""
        match field:
            case "ckpt":
                return ["", *(card.name for card in self.checkpoints())]
            case "preview":
                return ["automatic", "off", *PREVIEWS]
            case "attention":
                return ["automatic", *KERNELS]
        return list(SETTINGS[field]["kind"].choices) if field in SETTINGS else []

    def submit(self, request: GenerationRequest, owner: str) -> str:
        """Put a job in the queue; returns its id. Raises BadRequest, BadCheckpoint, QueueFull, CannotSave."""
        if request.preview == "automatic":
            request = replace(request, preview=self.settings.preview)
        controls = [control for tab in self.host.tabs() for control in self.controls(tab.id)] if request.extras else []
        job = self.queue.put(complete(request, self.card(request.checkpoint), controls), owner)
        self.watchers.changed()
        return job.id

    def cancel(self, job_id: str, owner: str) -> None:
        """End a waiting or running job; one that has ended stays as it is. Raises NotThere."""
        if self.queue.cancel(job_id, owner):
            self.worker.cancel(job_id)
        self.watchers.changed()

    def view(self, owner: str) -> JobView | None:
        """The owner's running job as far as it is, unless it was stopped."""
        view = self.watchers.view(owner)
        return view if view and self.queue.is_running(view.job.id) else None

    def checkpoints(self) -> Sequence[CheckpointCard]:
        """Those that can be used, the default one first: the one asked for at the start, else the starter."""
        cards = [entry.card for entry in self.index.entries() if entry.card]
        cards.sort(key=lambda card: (STARTER not in card.name.casefold(), card.name.casefold()))
        if self.settings.ckpt:
            with suppress(UnknownName, BadCheckpoint):
                chosen = self.index.find(self.settings.ckpt).card
                cards.sort(key=lambda card: card != chosen)
        return cards

    def card(self, checkpoint: str) -> CheckpointCard:
        """By name; the default one's for an empty name. Raises UnknownName, BadCheckpoint."""
        if wanted := checkpoint or self.settings.ckpt:
            card = self.index.find(wanted).card
        else:
            card = next(iter(self.checkpoints()), None)
        if card is None:
            folder = self.settings.models_dirs[0] / FOLDER
            raise BadCheckpoint("there is no checkpoint yet", f"put a .safetensors file into {folder}")
        return card

    def controls(self, tab: str) -> Sequence[Control]:
        """What extensions want under a tab."""
        return self.host.controls(tab)

    def make(self, job: Job) -> None:
        """The road of one job: to the worker, each picture to the gallery, its end to the journal; watchers see all."""
        made = len(self.gallery.of_job(job.id, job.owner))  # by an attempt before a crash
        if made == job.request.count:
            self.queue.end(job.id, "done")
            return
        rest = replace(job.request, seed=job.request.seed + made, count=job.request.count - made)
        self.watchers.worker_is(WorkerStatus("busy"))
        self.watchers.begin(job, made)
        for event in self.worker.run(Generate(job.id, rest)):
            if not self.queue.is_running(job.id) and not isinstance(event, Ending):
                self.worker.cancel(job.id)  # stopped, or failed on this side: the worker may not know yet
            match event:
                case Loading() | Loaded() | Stepped():
                    self.watchers.follow(event)
                case PictureMade():
                    self._keep(job, replace(event, index=made + event.index))
                case Finished():
                    self.queue.end(job.id, "done")
                case Cancelled():
                    self.queue.end(job.id, "cancelled")
                case Failed():
                    self.queue.end(job.id, "failed", event.message, event.advice)

    def _keep(self, job: Job, picture: PictureMade) -> None:
        """A picture to the gallery. A full disk fails the job."""
        try:
            saved = self.gallery.save(job.id, job.owner, job.request, picture)
        except CannotSave as error:
            self.queue.end(job.id, "failed", error.message, error.advice)
        else:
            self.host.saved(saved.id, saved.request)
            if self.gallery.newest(job.owner, 2) == (saved,):
                print(f"The first picture is {self.gallery.file(saved.id, job.owner)}", flush=True)
        self.watchers.changed()

    def start(self) -> None:
        """Look at the checkpoints and get the worker going, both in the background."""
        self._welcome()
        self._threads.extend(Thread(target=work, daemon=True) for work in (self.index.scan, self._dispatch))
        for thread in self._threads:
            thread.start()

    def _welcome(self) -> None:
        """Nobody has ever asked for anything: ask for the default checkpoint's first example, so that a newcomer's page
        opens on a picture that is being born."""
        if not self.queue.journal.is_new() or self.gallery.newest(LOCAL_OWNER, 1):
            return
        with suppress(TaffyError):  # no checkpoint, or one without examples, has nothing to show
            card = self.card("")
            for prompt in card.examples[:1]:
                steps, cfg = card.default_steps, card.default_cfg
                self.submit(GenerationRequest(prompt, steps=steps, cfg_scale=cfg), LOCAL_OWNER)

    def close(self) -> None:
        """End everything. A running job waits for the next start."""
        self._stopping.set()
        self.watchers.close()
        self.queue.close()
        self.worker.close()
        for thread in self._threads:
            thread.join(LAST_SECONDS)
        self.queue.journal.close()
        self.gallery.close()

    def _dispatch(self) -> None:
        """Jobs one after the other, until the program stops."""
        try:
            install(self.packages, self.watchers, self._stopping)
        except TaffyError as error:
            self.watchers.worker_is(WorkerStatus("failed", f"{error.message}; {error.advice}"))
            return
        if not self._stopping.is_set():
            wake(self.worker, self._first_task(), self.watchers)
        while not self._stopping.is_set():
            try:
                if job := self.queue.take():
                    self._survive(job)
            except CannotSave as error:  # the disk has no room even for the journal
                log.error("%s; trying again in %.0f seconds", error.message, RETRY_SECONDS)
                self.watchers.worker_is(WorkerStatus("ready", error.message))
                self._stopping.wait(RETRY_SECONDS)

    def _first_task(self) -> Task:
        try:
            return Load("warm-up", self.card("").name)
        except TaffyError:  # whoever wants to use it will be told
            return Describe("warm-up")

    def _survive(self, job: Job) -> None:
        """Make a job, whatever becomes of it. Raises CannotSave if the journal cannot say what did."""
        try:
            self.make(job)
            self.watchers.worker_is(WorkerStatus("ready"))
        except WorkerLost as error:
            self.queue.give_back(job.id, error.message)
            if not self._stopping.is_set():
                self.watchers.worker_is(WorkerStatus("restarting", f"{error.message} It is being started again."))
                wake(self.worker, Describe("restart"), self.watchers)
        except CannotSave:
            raise
        except Exception as error:  # a bug on this side must not stop the thread that all later jobs wait for
            log.exception("job %s failed", job.id)
            self.queue.end(job.id, "failed", f"something went wrong inside: {error}", "the log has the details")
            self.watchers.worker_is(WorkerStatus("ready"))
        finally:
            self.watchers.end(job.id)


def build(settings: Settings) -> App:
    """Everything wired, nothing running yet. Raises BadSetting, CannotSave: an unknown name, an unusable folder."""
    check_name("--preview", settings.preview, PREVIEWS, "automatic", "off")
    check_name("--attention", settings.attention, KERNELS, "automatic")
    data, cache = settings.data_dir, settings.data_dir / "cache"
    config = WorkerConfig(
        models_dirs=tuple(str(folder) for folder in settings.models_dirs),
        cache_dir=str(cache),
        extension_dirs=(str(EXTENSIONS),),
        use_cpu=settings.use_cpu,
        precision=settings.precision,
        attention=settings.attention,
        threads=settings.threads,
        safe_mode=settings.safe_mode,
    )
    return App(
        book=SettingsBook(settings),
        index=Index(settings.models_dirs, Hashes(cache / "hashes")),
        gallery=Gallery(data / "outputs", data / "gallery.sqlite3"),
        queue=JobQueue(Journal(data / "jobs.sqlite3"), settings.queue_limit),
        watchers=Watchers(),
        host=Host([EXTENSIONS], "front", settings.safe_mode),
        packages=Install(ROOT, "worker", settings.torch_backend),
        worker=ProcessWorker(config),
    )


def check_name(flag: str, name: str, known: Registry[Any], *also: str) -> None:
    if name not in known and name not in also:
        raise BadSetting(f"{flag} is {name!r}, allowed is {' or '.join([*also, *known])}")
