"""Loads extensions, and calls what they bring so that a broken one is named and skipped while the rest works."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any, Literal, TypeVar

import pluggy

from modules.core.errors import BadExtension
from modules.core.extensions import Fault
from modules.hooks import specs
from modules.hooks.discover import Found, discover
from modules.hooks.limit import Late

Answer = TypeVar("Answer")
FILES = {"front": "extension", "engine": "engine"}
STRIKES = 3  # faults in a row of one hook, after which its extension is switched off
LOAD = "load"
log = logging.getLogger(__name__)


class Host:
    """The extensions of one half of the program, and the built-in plugins that came through the same door.

    folders: each holds extensions, one folder each; "front" loads their `extension.py`, "engine" their `engine.py`,
    as modules of a private package, so that `from . import other` works and sys.path stays as it is; at the first use.
    safe_mode: load none of them. off: names that are not wanted. seconds: how long a hook may take.
    Hooks of extensions are called in the order of their names, built-in ones last.
    """

    half: Literal["front", "engine"]

    def __init__(
        self, folders: Sequence[Path], safe_mode: bool = False, off: Collection[str] = (), seconds: float = 20.0
    ) -> None:
        self.seconds = seconds
        self.safe_mode = safe_mode
        self.off = set(off)
        self._folders = tuple(folders)
        self._plugins = pluggy.PluginManager(specs.PROJECT)
        self._plugins.add_hookspecs(specs)
        self._builtin: set[str] = set()
        self._faults: dict[tuple[str, str], Fault] = {}
        self._strikes: dict[tuple[str, str], int] = {}
        self._news: list[Fault] = []
        self._found: tuple[Found, ...] | None = None
        self._lock = RLock()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The last fault of each hook of each extension, and what cannot be used at all."""
        useless = [
            Fault(one.name, f"the extension {one.name!r} cannot be used: {one.problem}", one.advice, "manifest")
            for one in self.found
            if one.problem
        ]
        return (*useless, *self._faults.values())

    @property
    def found(self) -> tuple[Found, ...]:
        """Every extension on the disk, usable or not."""
        self.load()
        return self._found or ()

    def loaded(self, name: str) -> bool:
        """Whether this half of an extension is in use."""
        return name not in self._builtin and self._plugins.has_plugin(name)

    def register(self, plugin: object, name: str) -> None:
        """Add a built-in plugin. Its errors are the program's own and are not isolated. Raises ValueError."""
        self._plugins.register(plugin, name)
        self._builtin.add(name)

    def load(self) -> None:
        """Load what is there and wanted, once."""
        with self._lock:
            if self._found is None:
                self.refresh()

    def refresh(self) -> None:
        """Look at the disk again: load what is new and wanted, drop what is not."""
        with self._lock:
            self._found = discover(self._folders)
            usable = {one.name: one for one in self._found if not one.problem and not self.safe_mode}
            for name, _ in self._plugins.list_name_plugin():
                if name not in self._builtin and (name not in usable or name in self.off):
                    self._plugins.unregister(name=name)
            for name, one in usable.items():
                if name not in self.off and not self._plugins.has_plugin(name):
                    self._load(one)
            self._changed()

    def switch(self, off: Collection[str]) -> None:
        """Use all but these. What is switched on again begins without its old faults."""
        with self._lock:
            for name in self.off - set(off):
                self._faults = {key: fault for key, fault in self._faults.items() if key[0] != name}
                self._strikes = {key: count for key, count in self._strikes.items() if key[0] != name}
            self.off = set(off)
            self.refresh()

    def take_faults(self) -> tuple[Fault, ...]:
        """The faults since the last time."""
        with self._lock:
            news, self._news = tuple(self._news), []
        return news

    def guarded(
        self, name: str, hook: str, act: Callable[[], Answer], passing: tuple[type[Exception], ...] = ()
    ) -> Answer | None:
        """What somebody else's code answers; None if it failed. passing: errors that are no fault.

        One of the two catch-alls: even a `sys.exit` of an extension must not end us.
        """
        if name in self._builtin:
            return act()
        try:
            answer = self._within_limit(name, hook, act)
        except passing:
            raise
        except (Exception, SystemExit) as error:
            self.fault(name, hook, error)
            return None
        self._strikes.pop((name, hook), None)
        return answer

    def fault(self, name: str, hook: str, error: BaseException) -> None:
        """Record what went wrong; the third time in a row, or the first time it hangs, switches the extension off."""
        known = (name, hook) in self._faults
        with self._lock:
            count = self._strikes[name, hook] = self._strikes.get((name, hook), 0) + 1
            off = hook != LOAD and (count >= STRIKES or isinstance(error, Late))
            text = f"it took more than {self.seconds:g} seconds" if isinstance(error, Late) else _said(error)
            where = "while it was loaded" if hook == LOAD else f"in {hook}"
            end = "; it is switched off" if off else ""
            details = error.stack if isinstance(error, Late) else _traceback(error, self._folder(name))
            fault = Fault(name, f"the extension {name!r} failed {where}: {text}{end}", details, hook, off)
            self._faults[name, hook] = fault
            if not known or off:  # once, not at every step
                self._news.append(fault)
                log.error("%s\n%s", fault.message, fault.traceback)
            if off:
                self.off.add(name)
                self._drop(name)
        if not known or off:
            self._announce(fault)

    def _folder(self, name: str) -> Path:
        """Where an extension's files are."""
        return next((one.folder for one in self.found if one.name == name), Path())

    def _within_limit(self, name: str, hook: str, act: Callable[[], Answer]) -> Answer:
        """Run it; each half has its way to deal with what never returns."""
        return act()

    def _announce(self, fault: Fault) -> None:
        """Somebody may want to know at once."""

    def _changed(self) -> None:
        """Other extensions are in use now."""

    def _load(self, one: Found) -> None:
        """Import and register one file. One that is refused leaves nothing among the plugins."""
        file = one.folder / f"{FILES[self.half]}.py"
        if not file.is_file():
            return
        plugin = self.guarded(one.name, LOAD, lambda: _imported(file))
        if plugin is None:
            return
        try:
            self._plugins.register(plugin, one.name)
            self._plugins.check_pending()
            _check_half(plugin, self.half, self._plugins)
        except (pluggy.PluginValidationError, BadExtension) as error:
            if self._plugins.get_name(plugin):
                self._plugins.unregister(plugin)
            self.fault(one.name, LOAD, error)

    def _drop(self, name: str) -> None:
        if self._plugins.has_plugin(name):
            self._plugins.unregister(name=name)
        self._changed()

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        self.load()
        found: list[pluggy.HookImpl] = getattr(self._plugins.hook, hook).get_hookimpls()
        return sorted(found, key=lambda one: (one.plugin_name in self._builtin, self._order(one.plugin_name)))

    def _order(self, name: str) -> str | int:
        """Extensions by name; built-in plugins as they came."""
        return "" if name in self._builtin else name

    def _ask(self, implementation: pluggy.HookImpl, kind: type[Answer], **values: object) -> Answer | None:
        """One implementation's answer; None also if it failed or answered with something else than a `kind`."""
        hook = implementation.function.__name__

        def act() -> Answer | None:
            return of_kind(call(implementation, **values), kind)

        return self.guarded(implementation.plugin_name, hook, act)


def call(implementation: pluggy.HookImpl, **values: object) -> Any:
    """With the arguments it wants."""
    return implementation.function(*(values[name] for name in implementation.argnames))


def of_kind(given: Any, kind: type[Answer]) -> Answer | None:
    """Raises TypeError."""
    if given is not None and not isinstance(given, kind):
        raise TypeError(f"it answered with a {type(given).__name__}, a {kind.__name__} was expected")
    return given


def _imported(file: Path) -> ModuleType:
    """The file as a module of a package of its own. A second import runs the newest code of all its files."""
    package = ModuleType(f"extension_{sha256(str(file.parent.resolve()).encode()).hexdigest()[:12]}")
    package.__path__ = [str(file.parent)]
    known = sys.modules.setdefault(package.__name__, package)
    name = f"{known.__name__}.{file.stem}"
    if name in sys.modules:  # it was switched off, or failed half way
        for old in [key for key in sys.modules if key.startswith(f"{known.__name__}.")]:
            del sys.modules[old]
    return import_module(name)


def _check_half(plugin: ModuleType, half: str, plugins: pluggy.PluginManager) -> None:
    """Raises BadExtension for a hook that this half never calls."""
    for caller in plugins.get_hookcallers(plugin) or ():
        if specs.half_of(caller.name) not in {half, "both"}:
            other = FILES["front" if half == "engine" else "engine"]
            raise BadExtension(f"the hook {caller.name} belongs into {other}.py")


def _traceback(error: BaseException, folder: Path) -> str:
    """From the extension's own first line on, which is what its author looks for; all of it if there is none."""
    frame = error.__traceback__
    while frame and not Path(frame.tb_frame.f_code.co_filename).is_relative_to(folder):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame or error.__traceback__))


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
