"""The front half's part in extensions: which are on, what became of them, and what they add to names and prompts."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from modules.attention.base import KERNELS
from modules.core.errors import BadRequest, CannotSave, NotThere
from modules.core.events import WorkerCard
from modules.core.extensions import Fault
from modules.core.paths import write_atomically
from modules.core.registry import Registry
from modules.core.request import GenerationRequest, TextField
from modules.core.settings import Settings
from modules.core.task import Switch
from modules.hooks.book import Book
from modules.hooks.control import allowed_values, fits
from modules.hooks.front_host import Desks, FrontHost
from modules.hooks.front_values import Control
from modules.jobs.attachments import Attachments
from modules.jobs.complete import changed
from modules.jobs.questions import Questions
from modules.preview.base import PREVIEWS
from modules.sampling.samplers import SAMPLERS, Sampler
from modules.sampling.schedules import SCHEDULES
from modules.upscalers.base import UPSCALERS, Upscaler

TABLES: dict[str, Registry[Any]] = {
    "samplers": SAMPLERS,
    "schedules": SCHEDULES,
    "previews": PREVIEWS,
    "kernels": KERNELS,
    "upscalers": UPSCALERS,
}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extending:
    """host: the front halves. book: what is off. folder: for what extensions keep. card: a file with what the worker
    said of itself last, so that its names are known before it is awake."""

    host: FrontHost
    book: Book
    attachments: Attachments
    folder: Path
    card: Path
    questions: Questions = field(default_factory=Questions)
    worker_faults: dict[tuple[str, str], Fault] = field(default_factory=dict)
    _added: list[tuple[str, str]] = field(default_factory=list)

    def open(self) -> None:
        """Listen to the host, and know the names that the worker knew last time."""
        self.host.told = self.front_fault
        try:
            known = json.loads(self.card.read_bytes())
        except (OSError, ValueError):  # the first start, or an old file: the worker will tell
            return
        if not self.host.safe_mode and isinstance(known, dict):
            self._know({hook: names for hook, names in known.items() if isinstance(names, list)})

    def switch(self, name: str, on: bool) -> None:
        """Use an extension or leave it alone from now on, in both halves. Raises NotThere, CannotSave."""
        if name not in {one.name for one in self.host.found}:
            raise NotThere(f"there is no extension {name!r:.60}")
        self.book.switch(name, on)
        self.renew()

    def renew(self) -> None:
        """Both halves look at the disk and at the book again."""
        self.host.switch(self.book.off)
        self.questions.put_to_all(self.switch_task())

    def switch_task(self) -> Switch:
        """What tells the worker which extensions are off."""
        return Switch("switch", tuple(sorted(self.book.off)))

    def front_fault(self, fault: Fault) -> None:
        """The front half failed. Where it was switched off, the worker half is too."""
        if fault.off:
            self._off(fault)
            self.questions.put_to_all(self.switch_task())

    def worker_fault(self, fault: Fault) -> None:
        """The worker half failed."""
        self.worker_faults[fault.extension, fault.hook] = fault
        log.error("%s", fault.message)
        if fault.off:
            self._off(fault)
            self.host.switch(self.book.off)

    def learned(self, card: WorkerCard) -> None:
        """The worker said what it is: its names can be chosen now, its faults are known."""
        told = {(fault.extension, fault.hook): fault for fault in card.faults}
        switched_off = {
            key: fault for key, fault in self.worker_faults.items() if fault.off and key[0] in self.book.off
        }
        self.worker_faults.clear()
        self.worker_faults.update(switched_off | told)
        names = {hook: list(getattr(card, hook)) for hook in TABLES}
        self._know(names)
        added = {hook: [name for known, name in self._added if known == hook] for hook in TABLES}
        try:
            write_atomically(self.card, json.dumps(added).encode())
        except CannotSave as error:
            log.warning("%s", error.message)

    def faults(self) -> tuple[Fault, ...]:
        """Of both halves, one for each hook."""
        return (*self.host.faults, *self.worker_faults.values())

    def settings_of(self, name: str) -> dict[str, Any]:
        """Every setting of an extension with its value."""
        chosen = self.book.settings(name)
        ours = [one for one in self.host.settings() if one.extension == name]
        return {one.name: chosen[one.name] if fits(chosen.get(one.name), one) else one.default for one in ours}

    def change_settings(self, name: str, changes: Mapping[str, Any]) -> None:
        """All or none. Raises BadRequest, CannotSave."""
        known: dict[str, Control] = {one.name: one for one in self.host.settings() if one.extension == name}
        for key, value in changes.items():
            if key not in known:
                raise BadRequest(f"{name} has no setting {key!r:.60}", f"known: {', '.join(known) or 'none'}")
            if not fits(value, known[key]):
                raise BadRequest(f"{known[key].label} cannot be {value!r:.80}", allowed_values(known[key]))
        values = self.settings_of(name) | dict(changes)
        self.book.set(name, {key: value for key, value in values.items() if value != known[key].default})

    def rewritten(self, request: GenerationRequest, desks: Desks) -> GenerationRequest:
        """The request after `change_prompt`: one prompt for all pictures where they agree, else one for each."""
        pictures = [self._texts(request, index, desks) for index in range(request.count)]
        first = pictures[0]
        if all(texts == first for texts in pictures):
            return changed(request, variants=(), **first)
        return changed(request, variants=tuple(pictures))

    def _texts(self, request: GenerationRequest, index: int, desks: Desks) -> dict[str, str]:
        """The prompts of one picture of a job."""
        one = request.variants[index] if request.variants else {}
        before = {name: one.get(name, getattr(request, name)) for name in get_args(TextField)}
        seed = request.seed + index
        return {
            name: self.host.change_prompt(text, seed, request, desks) if text else text for name, text in before.items()
        }

    def _off(self, fault: Fault) -> None:
        try:
            self.book.switch(fault.extension, False, fault.message)
        except CannotSave as error:
            log.warning("%s", error.message)

    def _know(self, names: Mapping[str, list[str]]) -> None:
        """Put the worker's own names into the tables that the page and the checks read."""
        for hook, name in self._added:
            TABLES[hook].remove(name)
        self._added.clear()
        for hook, known in names.items():
            for name in known:
                if name not in TABLES[hook]:
                    TABLES[hook].add(name, _stand_in(hook, name))
                    self._added.append((hook, name))


def extending_of(settings: Settings) -> Extending:
    """Wired and open. Raises BadSetting for a file that cannot be read."""
    data = settings.data_dir
    known = Book(data / "extensions.json")
    wanted = settings.extensions_dirs, settings.safe_mode, tuple(known.off), settings.hook_seconds
    host = FrontHost(*wanted, settings.models_dirs)
    one = Extending(host, known, Attachments(data / "attachments"), data / "extensions", data / "cache" / "names.json")
    one.open()
    return one


def _stand_in(hook: str, name: str) -> Any:
    """What the front's table holds for a thing that only the worker has: its name is all that is asked for here."""
    if hook == "samplers":
        return Sampler(_elsewhere, "uniform", order=1, noise="none", starts_from="sigma")
    return Upscaler(name) if hook == "upscalers" else _elsewhere


def _elsewhere(*arguments: object) -> Any:
    raise AssertionError("only the worker can do this")
