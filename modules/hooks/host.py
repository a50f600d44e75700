"""Finds and loads extensions, and calls their hooks so that a broken one is named and skipped while the rest works."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import ModuleType, NoneType
from typing import Any, Literal, TypeVar

import pluggy
from PIL import Image

from modules.core.events import Frame
from modules.core.family import Family
from modules.core.moments import StepState
from modules.core.request import GenerationRequest
from modules.hooks import specs
from modules.hooks.specs import PROJECT, Control, Page, Tab

Answer = TypeVar("Answer")
FILES = {"front": "extension", "engine": "engine"}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """What went wrong in an extension: a sentence for the page, the traceback for its author."""

    extension: str
    message: str
    traceback: str


class Host:
    """The extensions of one half of the program, and the built-in plugins that came through the same door.

    folders: each holds extensions, one folder each; "front" loads their `extension.py`, "engine" their `engine.py`,
    as modules of a private package, so that `from . import other` works and sys.path stays as it is.
    safe_mode: load none of them. Hooks of extensions are called in the order of their names, built-in ones last.
    """

    def __init__(self, folders: Sequence[Path], half: Literal["front", "engine"], safe_mode: bool = False) -> None:
        self._plugins = pluggy.PluginManager(PROJECT)
        self._plugins.add_hookspecs(specs)
        self._builtin: set[str] = set()
        self._faults: dict[tuple[str, str], Fault] = {}
        files = [] if safe_mode else [file for folder in folders for file in folder.glob(f"[!._]*/{FILES[half]}.py")]
        for file in sorted(files, key=lambda file: file.parent.name, reverse=True):  # pluggy calls the last one first
            with self.isolated(file.parent.name, "while it was loaded"):
                self._load(file)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The last fault of each hook of each extension."""
        return tuple(self._faults.values())

    def register(self, plugin: object, name: str) -> None:
        """Add a built-in plugin. Its errors are the program's own and are not isolated. Raises ValueError."""
        self._plugins.register(plugin, name)
        self._builtin.add(name)

    def tabs(self) -> tuple[Tab, ...]:
        """All tabs from left to right; one that cannot be built is recorded and stays empty."""
        found: list[Tab] = []
        for implementation in self._implementations("tabs"):
            name = implementation.plugin_name
            with self.isolated(name, "in tabs"):
                found += [replace(tab, build=partial(self._build, name, tab)) for tab in _call(implementation)]
        return tuple(sorted(found, key=lambda tab: tab.order))

    def controls(self, tab: str) -> tuple[Control, ...]:
        """The controls extensions want under a tab, each with its extension's name."""
        found: list[Control] = []
        for implementation in self._implementations("controls"):
            name = implementation.plugin_name
            with self.isolated(name, "in controls"):
                found += [replace(control, extension=name) for control in _call(implementation, tab=tab)]
        return tuple(found)

    def saved(self, picture_id: str, request: GenerationRequest) -> None:
        """Tell everybody that a picture was saved."""
        for implementation in self._implementations("after_save"):
            self._ask(implementation, NoneType, picture_id=picture_id, request=request)

    def fold(self, moment: Literal["before_predict", "after_predict"], state: StepState) -> StepState:
        """Pass the state through everybody: each gets what the one before returned."""
        for implementation in self._implementations(moment):
            state = self._ask(implementation, StepState, state=state) or state
        return state

    def notice(self, moment: Literal["after_step"], state: StepState) -> None:
        """Show the state to everybody."""
        for implementation in self._implementations(moment):
            self._ask(implementation, NoneType, state=state)

    def change_image(self, image: Image.Image, request: GenerationRequest) -> Image.Image:
        """Pass a finished picture through everybody's `after_decode`."""
        for implementation in self._implementations("after_decode"):
            image = self._ask(implementation, Image.Image, image=image, request=request) or image
        return image

    def show_step(self, state: StepState, family: Family) -> Frame | None:
        """The first preview anybody makes of this step."""
        for implementation in self._implementations("show_step"):
            if frame := self._ask(implementation, Frame, state=state, family=family):
                return frame
        return None

    @contextmanager
    def isolated(self, name: str, where: str) -> Iterator[None]:
        """One of the two catch-alls: an extension is somebody else's code, and even its `sys.exit` must not end us."""
        try:
            yield
        except (Exception, SystemExit) as error:
            if name in self._builtin:
                raise
            message = f"the extension {name!r} failed {where}: {type(error).__name__}: {error}"
            if (name, where) not in self._faults:  # once, not at every step
                log.exception(message)
            self._faults[name, where] = Fault(name, message, traceback.format_exc())

    def _load(self, file: Path) -> None:
        """Import and register one file. One that is refused leaves nothing among the plugins."""
        package = ModuleType(f"extension_{sha256(str(file.parent.resolve()).encode()).hexdigest()[:12]}")
        package.__path__ = [str(file.parent)]
        sys.modules.setdefault(package.__name__, package)
        plugin = import_module(f"{package.__name__}.{file.stem}")
        try:
            self._plugins.register(plugin, file.parent.name)
            self._plugins.check_pending()
        except pluggy.PluginValidationError:
            self._plugins.unregister(plugin)
            raise

    def _build(self, name: str, tab: Tab, page: Page) -> None:
        with self.isolated(name, f"while its tab {tab.label!r} was built"):
            tab.build(page)

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        found: list[pluggy.HookImpl] = getattr(self._plugins.hook, hook).get_hookimpls()[::-1]
        return sorted(found, key=lambda implementation: implementation.plugin_name in self._builtin)

    def _ask(self, implementation: pluggy.HookImpl, kind: type[Answer], **values: object) -> Answer | None:
        """One implementation's answer; None also if it failed or answered with something else than a `kind`."""
        hook = implementation.function.__name__
        answer: Answer | None = None
        with self.isolated(implementation.plugin_name, f"in {hook}"):
            given = _call(implementation, **values)
            if given is not None and not isinstance(given, kind):
                raise TypeError(f"it answered with a {type(given).__name__}, a {kind.__name__} was expected")
            answer = given
        return answer  # noqa: RET504  (None if the block above gave up)


def _call(implementation: pluggy.HookImpl, **values: object) -> Any:
    return implementation.function(*(values[name] for name in implementation.argnames))
