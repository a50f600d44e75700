"""Keeping pictures: a finished one becomes a file and a line in the list, exactly once; later it is found by its id."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from modules.core.errors import BadRequest, CannotSave, NotThere
from modules.core.events import PictureMade
from modules.core.paths import contained, write_atomically
from modules.core.requests import AnyRequest
from modules.core.upscaling import UpscaleRequest
from modules.gallery.files import day_folder, names_in, next_number, picture_name
from modules.gallery.metadata import Metadata, encode_png, read_metadata
from modules.gallery.store import Saved, Store
from modules.text.infotext import write_infotext, write_upscaled

MOST_ANCESTORS = MOST_CHILDREN = 100


def single(request: AnyRequest, picture: PictureMade) -> AnyRequest:
    """The request that makes this picture of a job alone: its seed, count 1, size and checkpoint filled in.

    Noise is drawn per picture, so alone it is the same picture as in a batch. Equality to the last bit is not
    promised across batch sizes: they round differently.
    """
    if isinstance(request, UpscaleRequest):
        return request
    own: Mapping[str, Any] = request.variants[picture.index] if request.variants else {}
    return replace(
        request,
        **own,
        variants=(),
        seed=picture.seed,
        variation_seed=request.variation_seed + picture.index if request.variation_strength else request.variation_seed,
        count=1,
        batch_size=1,
        width=request.width or picture.width,
        height=request.height or picture.height,
        checkpoint=request.checkpoint or picture.facts.get("Model", ""),
    )


class Gallery:
    """The pictures below `folder`, listed in the SQLite file `database`. Safe to use from many threads.

    A picture is listed before its file is written and shown after, so a crash in between loses nothing and doubles
    nothing: the next start shows what is complete and strikes the rest.
    """

    def __init__(self, folder: Path, database: Path) -> None:
        """Raises CannotSave if the list cannot be opened."""
        self._folder = folder
        self._store = Store(database)
        self._saving = threading.Lock()
        for saved in self._store.incomplete():
            self._settle(saved)
        self.note = self._relist() if self._store.aside else ""

    def close(self) -> None:
        self._store.close()

    def save(self, job_id: str, owner: str, request: AnyRequest, picture: PictureMade, came_with: str = "") -> Saved:
        """Keep a picture of a job. request: the job's. A picture that is already there is returned as it is.
        came_with: the infotext of the picture that was made larger.

        Raises CannotSave, and then leaves nothing behind.
        """
        if saved := self._store.of_index(job_id, picture.index):
            return saved
        request = single(request, picture)
        if isinstance(request, UpscaleRequest):
            infotext = write_upscaled(came_with, picture.facts)
        else:
            infotext = write_infotext(request, picture.facts)
        png = encode_png(picture, infotext, request)
        with self._saving:
            if saved := self._store.of_index(job_id, picture.index):
                return saved
            saved = self._add(job_id, owner, request, picture, infotext)
            path = contained(self._folder, saved.path)
            try:
                write_atomically(path, png)
                self._store.complete(saved.id)
            except CannotSave:
                path.unlink(missing_ok=True)
                self._store.forget(saved.id)
                raise
        return saved

    def get(self, picture_id: str, owner: str) -> Saved:
        """Raises NotThere, also for pictures of others."""
        if saved := self._store.get(picture_id, owner):
            return saved
        raise NotThere(f"there is no picture {picture_id!r}")

    def owner_of(self, picture_id: str) -> str | None:
        """Whose picture that is; None for an unknown id."""
        return self._store.owner_of(picture_id)

    def file(self, picture_id: str, owner: str) -> Path:
        """The picture's PNG. Raises NotThere, also if somebody removed the file."""
        path = contained(self._folder, self.get(picture_id, owner).path)
        if not path.is_file():
            raise NotThere(f"the file of this picture, {path.name}, is gone")
        return path

    def newest(self, owner: str, count: int) -> tuple[Saved, ...]:
        """The last `count` pictures of an owner, newest first."""
        return self._store.newest(owner, count)

    def of_job(self, job_id: str, owner: str) -> tuple[Saved, ...]:
        """A job's pictures so far, in its order."""
        return self._store.of_job(job_id, owner)

    def ancestors(self, picture_id: str, owner: str) -> tuple[Saved, ...]:
        """What a picture was made from, and that one from, oldest first; at most 100. Raises NotThere."""
        line: list[Saved] = []
        at: Saved | None = self.get(picture_id, owner)
        while at and len(line) < MOST_ANCESTORS and (at := self._store.get(at.request.parent, owner)):
            line.append(at)
        return tuple(reversed(line))

    def children(self, picture_id: str, owner: str) -> tuple[Saved, ...]:
        """The pictures that were made from one, oldest first; at most 100."""
        return self._store.children(picture_id, owner, MOST_CHILDREN)

    def mentioned(self, ids: Set[str]) -> set[str]:
        """Which of these ids of inputs the request of any picture names."""
        return self._store.mentioned(ids)

    def _relist(self) -> str:
        """The list was damaged: pictures whose rows are lost come back from their files, under new ids."""
        known, again = self._store.paths(), 0
        for path in sorted(self._folder.rglob("[!.]*.png"), key=lambda file: file.stat().st_mtime):
            name = path.relative_to(self._folder).as_posix()
            if name in known:
                continue
            with suppress(BadRequest):
                found = read_metadata(path)
                if found.request is not None:
                    self._list_file(name, path.stat().st_mtime, found, found.request)
                    again += 1
        aside = self._store.aside.name if self._store.aside else ""
        return (
            f"The list of pictures was damaged. {len(known)} entries could be read, {again} pictures were listed anew "
            f"from their files; the damaged list is {aside}."
        )

    def _list_file(self, name: str, created: float, found: Metadata, request: AnyRequest) -> None:
        id = secrets.token_urlsafe(16)
        owner, seed = name.partition("/")[0], getattr(request, "seed", 0)
        size = (found.width, found.height)
        self._store.add(Saved(id, f"file-{id}", 0, owner, name, *size, seed, found.infotext, created, request))
        self._store.complete(id)

    def _settle(self, saved: Saved) -> None:
        """Show or strike a picture whose saving was cut off, and remove the unfinished file."""
        path = contained(self._folder, saved.path)
        for unfinished in path.parent.glob(f".{path.name}.*.tmp"):
            unfinished.unlink()
        if path.is_file():
            self._store.complete(saved.id)
        else:
            self._store.forget(saved.id)

    def _add(self, job_id: str, owner: str, request: AnyRequest, picture: PictureMade, infotext: str) -> Saved:
        """Give the picture an id and the next free name, and list it."""
        now = datetime.now()
        folder = day_folder(owner, request, now.date())
        with self._store.transaction():
            number = next_number([*names_in(self._folder / folder), self._store.last_name(folder)])
            saved = Saved(
                id=secrets.token_urlsafe(16),
                job_id=job_id,
                index=picture.index,
                owner=owner,
                path=f"{folder}/{picture_name(number, picture.seed)}",
                width=picture.width,
                height=picture.height,
                seed=picture.seed,
                infotext=infotext,
                created=now.timestamp(),
                request=request,
            )
            self._store.add(saved)
        return saved
