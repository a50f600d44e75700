"""The desk of one extension: what its front half may ask of the program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules.core.errors import CannotSave, NotThere
from modules.core.events import Answered, PictureMade
from modules.core.extensions import Message
from modules.core.family import CheckpointCard
from modules.core.request import GenerationRequest
from modules.core.requests import input_ids
from modules.gallery import Saved
from modules.gallery.reading import read_picture
from modules.hooks.front_values import Control, JobCard, Picture, Piece
from modules.jobs.questions import ask, pieces
from modules.text.without import without_words

if TYPE_CHECKING:
    from modules.app import App


class ExtensionDesk:
    """`Desk` over the app, for one extension."""

    def __init__(self, app: App, extension: str) -> None:
        self.extension = extension
        self._app = app

    @property
    def folder(self) -> Path:
        """Made when it is first asked for."""
        folder = self._app.extending.folder / self.extension
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def models_folder(self) -> Path:
        return self._app.models_folder

    @property
    def models_folders(self) -> Sequence[Path]:
        return self._app.settings.models_dirs

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._app.extending.settings_of(self.extension)

    def submit(self, request: GenerationRequest, owner: str) -> str:
        return self._app.submit(request, owner)

    def accept(self, request: GenerationRequest, owner: str) -> tuple[object, Sequence[str]]:
        return self._app.accept(request, owner)

    def cancel(self, job_id: str, owner: str) -> None:
        self._app.cancel(job_id, owner)

    def checkpoints(self, owner: str = "") -> Sequence[CheckpointCard]:
        return self._app.checkpoints(owner)

    def controls(self, tab: str) -> Sequence[Control]:
        return self._app.controls(tab)

    def upscaler_names(self) -> Sequence[str]:
        return self._app.upscaler_names()

    def vae_names(self) -> Sequence[str]:
        return self._app.library.vaes.names()

    def without_words(self, prompt: str) -> Sequence[tuple[str, str]]:
        return without_words(prompt)

    def sampler_names(self) -> Sequence[str]:
        return self._app.sampler_names()

    def ask(
        self, job_id: str, name: str, payload: Message = None, data: Mapping[str, bytes] | None = None
    ) -> Iterator[Answered]:
        """Ask the worker half; see `Desk.ask`."""
        device = self._app.queue.device_for(job_id, self._checkpoint_of(job_id))
        question = self._app.extending.questions.put(ask(self.extension, job_id, name, payload, data or {}), device)
        self._app.queue.interrupt()
        return pieces(question, self._app.workers[device].cancel)

    def _checkpoint_of(self, job_id: str) -> str:
        """The one a job was made with; empty for an unknown job."""
        with suppress(NotThere):
            return self._app.queue.journal.get(job_id, self.owner_of(job_id)).checkpoint
        return ""

    def say(self, job_id: str, message: Message) -> None:
        device = self._app.queue.device_of(job_id)
        if device is not None:
            self._app.workers[device].say(job_id, self.extension, message)

    def attach(self, job_id: str, key: str, data: bytes) -> None:
        self._app.extending.attachments.put(job_id, self.extension, key, data)

    def attached(self, job_id: str, key: str) -> bytes:
        return self._app.extending.attachments.get(job_id, self.extension, key)

    def attachments(self, job_id: str) -> Sequence[str]:
        return self._app.extending.attachments.keys(job_id, self.extension)

    def detach(self, job_id: str, key: str) -> None:
        self._app.extending.attachments.forget(job_id, self.extension, key)

    def pieces(self) -> Sequence[Piece]:
        return self._app.extending.attachments.pieces(self.extension)

    def owner_of(self, job_id: str) -> str:
        if owner := self._app.queue.journal.owner_of(job_id):
            return owner
        raise NotThere(f"there is no job {job_id!r:.40}")

    def job(self, job_id: str, owner: str) -> JobCard:
        job = self._app.queue.journal.get(job_id, owner)
        request = job.request if isinstance(job.request, GenerationRequest) else None
        pictures = tuple(picture_of(saved) for saved in self._app.gallery.of_job(job_id, owner))
        return JobCard(job.id, job.owner, job.state, request, job.error, job.advice, pictures)

    def picture(self, picture_id: str, owner: str) -> Picture:
        return picture_of(self._app.gallery.get(picture_id, owner))

    def png(self, picture_id: str, owner: str) -> bytes:
        return self._app.gallery.file(picture_id, owner).read_bytes()

    def bring(self, picture: bytes, owner: str) -> str:
        return self._app.inputs.put(owner, picture).id

    def inputs(self, request: GenerationRequest, owner: str) -> Mapping[str, bytes]:
        return {id: self._app.inputs.read(id, owner) for id in input_ids(request)}

    def adopt(self, picture: bytes, request: GenerationRequest, facts: Mapping[str, str], owner: str) -> Picture:
        """A picture that was made elsewhere; see `Desk.adopt`."""
        image = read_picture(picture).image.convert("RGB")
        job = self._app.queue.journal.adopt(request, owner)
        made = PictureMade(job.id, 0, request.seed, *image.size, image.tobytes(), facts)
        try:
            saved = self._app.gallery.save(job.id, owner, request, made)
        except CannotSave:
            self._app.queue.journal.forget(job.id)
            raise
        self._app.watchers.changed()
        return picture_of(saved)

    def input_png(self, input_id: str, owner: str) -> bytes:
        return self._app.inputs.read(input_id, owner)


def picture_of(saved: Saved) -> Picture:
    """A picture of the gallery as extensions see it."""
    return Picture(
        id=saved.id,
        job=saved.job_id,
        index=saved.index,
        owner=saved.owner,
        width=saved.width,
        height=saved.height,
        seed=saved.seed,
        infotext=saved.infotext,
        created=saved.created,
        request=saved.request if isinstance(saved.request, GenerationRequest) else None,
    )
