"""Wires the parts once. What the page, the API and the program ask for goes through here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from threading import Event as Flag
from threading import Thread

from modules.choosing import settings_of, with_known_names
from modules.cleaning import clean
from modules.core.errors import BadCheckpoint, BadRequest, NotThere, UnknownName
from modules.core.family import CheckpointCard
from modules.core.request import GenerationRequest
from modules.core.requests import AnyRequest, Input, input_ids
from modules.core.settings import ROOT, Settings
from modules.core.settings_file import SettingsBook
from modules.core.task import Load, Unload
from modules.core.upscaling import UpscaleRequest
from modules.core.worker import Worker
from modules.desk import ExtensionDesk
from modules.dispatch import Dispatcher
from modules.extending import Extending, extending_of
from modules.gallery import Gallery, Inputs
from modules.hooks import Control
from modules.hooks.front_host import FrontHost
from modules.installing import Install
from modules.jobs.complete import complete, complete_without_card
from modules.jobs.job import Job
from modules.jobs.journal import Journal
from modules.jobs.look import Frames, Looks
from modules.jobs.pace import Pace
from modules.jobs.prepare import Packages
from modules.jobs.questions import Question
from modules.jobs.queue import JobQueue
from modules.jobs.start import as_glimpse, notes_on, settle_colours, settle_start, settle_upscale
from modules.jobs.watch import JobView, Watchers
from modules.manager.hashes import Hashes
from modules.manager.index import FOLDER, Index
from modules.manager.library import Library
from modules.manager.sidecars import Sidecars
from modules.manager.transfers import Transfers
from modules.manager.vaes import AUTOMATIC
from modules.people.access import Access, access_of
from modules.people.own import OwnSettings
from modules.sampling.samplers import SAMPLERS
from modules.upscalers.index import UpscalerIndex
from modules.welcome import welcome
from modules.worker.config import config_of
from modules.worker.process import ProcessWorker

log = logging.getLogger(__name__)

STARTER = "starter"  # is in the name of the checkpoint that comes with Taffy
LAST_SECONDS = 10.0  # for threads to notice that the program stops


@dataclass(frozen=True)
class App:
    """The front process without its web server. It is the `Page` that tabs see."""

    book: SettingsBook
    models: list[Path]  # folders; the indexes see changes
    index: Index
    upscalers: UpscalerIndex
    library: Library
    transfers: Transfers
    gallery: Gallery
    inputs: Inputs
    queue: JobQueue
    looks: Looks
    watchers: Watchers
    pace: Pace
    extending: Extending
    access: Access
    own: OwnSettings
    packages: Packages
    worker: Worker
    more_workers: tuple[Worker, ...] = ()  # for further devices
    stopping: Flag = field(default_factory=Flag)
    _threads: list[Thread] = field(default_factory=list)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """One for each device."""
        return (self.worker, *self.more_workers)

    @property
    def settings(self) -> Settings:
        return self.book.now

    @property
    def host(self) -> FrontHost:
        """The front halves of extensions, and the plugins that are built in."""
        return self.extending.host

    def desk(self, extension: str) -> ExtensionDesk:
        """What one extension's front half works with."""
        return ExtensionDesk(self, extension)

    def submit(self, request: AnyRequest, owner: str) -> str:
        """Put a job in the queue; returns its id. Raises BadRequest, BadCheckpoint, QueueFull, CannotSave."""
        return self.accept(request, owner)[0].id

    def accept(self, request: AnyRequest, owner: str) -> tuple[Job, tuple[str, ...]]:
        """The same, with what became different from what was asked for, in plain words."""
        inputs = self._named(request, owner)
        job = self.queue.put(self._settled(request, inputs, owner), owner)
        self.watchers.changed()
        settled = job.request
        paints = isinstance(settled, GenerationRequest) and settled.checkpoint
        return job, notes_on(request, settled, inputs, self.card(paints) if paints else None)

    def load(self, checkpoint: str) -> Question:
        """Get a checkpoint ready, when the running job has ended. Raises UnknownName, BadCheckpoint."""
        name = self.card(checkpoint).name
        task, device = Load(f"load-{token_hex(4)}", name), self.queue.device_for("", name)
        question = self.extending.questions.put(task, device)
        self.queue.interrupt()
        return question

    def unload(self) -> tuple[Question, ...]:
        """Give the memory of all weights back, on each device when its job has ended. The next job loads its own."""
        asked = self.extending.questions.put_to_all(Unload("unload"))
        self.queue.interrupt()
        return asked

    def look(self, request: GenerationRequest, owner: str) -> Future[Frames]:
        """Show what a request starts from: its picture after the VAE's "round trip", and the "noised start".

        Large ones are shown smaller. Answered when the running job has ended. Of more than four looks of an owner the
        oldest fails with Busy. Raises BadRequest, BadCheckpoint at once.
        """
        inputs = self._named(request, owner)
        settled = self._settled(request, inputs, owner)
        if isinstance(settled, UpscaleRequest) or not settled.image:
            raise BadRequest("there is no picture to start from", "choose one")
        if settled.checkpoint:
            settled = as_glimpse(settled, inputs[settled.image], self.card(settled.checkpoint).size_multiple)
        answer = self.looks.ask(owner, settled)
        self.queue.interrupt()
        return answer

    def _named(self, request: AnyRequest, owner: str) -> Mapping[str, Input]:
        """The input pictures of a request. Raises BadRequest if one is not there, or somebody else's."""
        try:
            return {id: self.inputs.get(id, owner) for id in input_ids(request)}
        except NotThere as error:
            raise BadRequest(error.message, error.advice) from error

    def _settled(self, request: AnyRequest, inputs: Mapping[str, Input], owner: str) -> AnyRequest:
        """The request with nothing left open. Raises BadRequest, BadCheckpoint."""
        if isinstance(request, UpscaleRequest):
            return settle_upscale(request, inputs, self.upscalers)
        if request.preview == "automatic":
            request = replace(request, preview=settings_of(self, owner).preview)
        controls = self.host.all_controls() if request.extras else ()
        if request.style_mode == "colour":
            return complete_without_card(settle_colours(request, inputs), controls)
        card = self.card(request.checkpoint, owner)
        if request.vae != AUTOMATIC:
            self.library.vaes.choose(request.vae, self.index.find(card.name))
        settled = complete(settle_start(request, card, inputs, self.upscalers), card, controls)
        return self.extending.rewritten(settled, self.desk)

    def cancel(self, job_id: str, owner: str) -> None:
        """End a waiting or running job; one that has ended stays as it is. Raises NotThere."""
        waited = self.queue.journal.get(job_id, owner).state == "waiting"
        device = self.queue.device_of(job_id)
        if self.queue.cancel(job_id, owner) and device is not None:
            self.workers[device].cancel(job_id)
        elif waited:  # the dispatcher, who tells of the others, will never see it
            self.host.ended(job_id, "cancelled", self.desk)
        self.watchers.changed()

    def supersede(self, old: str, new: str, owner: str) -> None:
        """Take one job back for another, which comes before all that wait. One that is gone or begun is left alone."""
        waiting = [job.id for job in self.queue.journal.waiting() if job.owner == owner and job.id not in {old, new}]
        with suppress(NotThere, BadRequest):
            if waiting:
                self.queue.move(new, owner, waiting[0])
        with suppress(NotThere):
            device = self.queue.device_of(old)
            if self.queue.retract(old, owner) and device is not None:
                self.workers[device].cancel(old)
        self.watchers.changed()

    def view(self, owner: str) -> JobView | None:
        """The owner's running job as far as it is, unless it was stopped; of several the first."""
        return next(iter(self.views(owner)), None)

    def views(self, owner: str) -> list[JobView]:
        """The owner's running jobs, one on each device at most, without those that were stopped."""
        return [one for one in self.watchers.views() if one.job.owner == owner and self.queue.is_running(one.job.id)]

    def checkpoints(self, owner: str = "") -> Sequence[CheckpointCard]:
        """Those that can be used, somebody's default one first: what the settings name, else the starter."""
        cards = [entry.card for entry in self.index.entries() if entry.card]
        cards.sort(key=lambda card: (STARTER not in card.name.casefold(), card.name.casefold()))
        if wanted := settings_of(self, owner).ckpt if owner else self.settings.ckpt:
            with suppress(UnknownName, BadCheckpoint):
                chosen = self.index.find(wanted).card
                cards.sort(key=lambda card: card != chosen)
        return cards

    def card(self, checkpoint: str, owner: str = "") -> CheckpointCard:
        """By name; somebody's default one's for an empty name. Raises UnknownName, BadCheckpoint."""
        if wanted := checkpoint or (settings_of(self, owner).ckpt if owner else self.settings.ckpt):
            card = self.index.find(wanted).card
        else:
            card = next(iter(self.checkpoints()), None)
        if card is None:
            raise BadCheckpoint("there is no checkpoint yet", f"put a .safetensors file into {self.models_folder}")
        return card

    @property
    def models_folder(self) -> Path:
        """Where checkpoints are put."""
        return self.settings.models_dirs[0] / FOLDER

    def controls(self, tab: str) -> Sequence[Control]:
        """What extensions want under a tab."""
        return self.host.controls(tab)

    def upscaler_names(self) -> Sequence[str]:
        """The upscalers that can be used, for pixels and for latents, as they are on disk now."""
        return [entry.name for entry in self.upscalers.entries() if not entry.problem]

    def sampler_names(self) -> Sequence[str]:
        """The samplers that can be chosen."""
        return list(SAMPLERS)

    def start(self) -> None:
        """Look at the checkpoints, clean up and get the workers going, all in the background."""
        self.extending.questions.serve(len(self.workers))
        welcome(self)
        devices = [Dispatcher(self, device).run for device in range(len(self.workers))]
        background: list[Callable[[], object]] = [self.index.scan, partial(clean, self), *devices]
        self._threads.extend(Thread(target=work, daemon=True) for work in background)
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End everything. A running job waits for the next start."""
        self.stopping.set()
        self.transfers.stop_all()
        self.watchers.close()
        self.queue.close()
        for worker in self.workers:
            worker.close()
        for thread in self._threads:
            thread.join(LAST_SECONDS)
        self.queue.journal.close()
        self.gallery.close()


def build(settings: Settings) -> App:
    """Everything wired, nothing running yet. Raises BadSetting, CannotSave: an unknown name, an unusable folder."""
    data, cache = settings.data_dir, settings.data_dir / "cache"
    extending = extending_of(settings)
    settings = with_known_names(settings)  # among them those of extensions
    journal = Journal(data / "jobs.sqlite3")  # it refuses a second server before anything is changed
    hashes = Hashes(cache / "hashes")
    models = list(settings.models_dirs)
    index = Index(models, hashes, extending.host.families)
    gallery = Gallery(data / "outputs", data / "gallery.sqlite3")
    for note in filter(None, (journal.note, gallery.note)):
        log.warning(note)
    config = config_of(settings, cache, tuple(extending.book.off))
    workers = [ProcessWorker(replace(config, device=device)) for device in range(config.devices)]
    return App(
        models=models,
        book=SettingsBook(settings),
        index=index,
        upscalers=UpscalerIndex(models),
        library=Library(index, hashes, Sidecars(data / "models")),
        transfers=Transfers(),
        gallery=gallery,
        inputs=Inputs(data / "inputs"),
        queue=JobQueue(journal, settings.queue_limit),
        looks=Looks(),
        watchers=Watchers(),
        pace=Pace(cache / "pace.json"),
        extending=extending,
        access=access_of(settings),
        own=OwnSettings(data / "people"),
        packages=Install(ROOT, "worker", settings.torch_backend),
        worker=workers[0],
        more_workers=tuple(workers[1:]),
    )
