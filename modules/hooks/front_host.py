"""The front half's extensions: what they add to the page and to a request. A hook that hangs is left behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from types import NoneType
from typing import Any, TypeVar

import pluggy

from modules.core.errors import BadExtension, NotThere, TaffyError
from modules.core.extensions import Fault, Message
from modules.core.request import GenerationRequest
from modules.hooks.control import NAME, check_control
from modules.hooks.front_values import (
    Button,
    Call,
    Column,
    Control,
    Desk,
    JobCard,
    JobState,
    Outcome,
    Picture,
    Reply,
    Route,
    Tab,
)
from modules.hooks.guarded_family import GuardedFamily
from modules.hooks.host import Answer, Host, call, of_kind
from modules.hooks.limit import Hands

ASSETS = frozenset({".css", ".js"})
Desks = Callable[[str], Desk]  # by extension


Thing = TypeVar("Thing", Tab, Control, Button, Route, Column)


class FrontHost(Host):
    """told: hears of each new fault at once. models: folders with kinds of weights in them."""

    half = "front"

    def __init__(
        self,
        folders: Sequence[Path],
        safe_mode: bool = False,
        off: Collection[str] = (),
        seconds: float = 20.0,
        models: Sequence[Path] = (),
    ) -> None:
        super().__init__(folders, safe_mode, off, seconds)
        self._models = tuple(models)
        self.told: Callable[[Fault], None] = lambda fault: None
        self._hands = Hands()
        self._known: dict[tuple[str, str], tuple[Any, ...]] = {}  # (hook, tab) -> what was registered

    def _within_limit(self, name: str, hook: str, act: Callable[[], Answer]) -> Answer:
        return self._hands.run(act, self.seconds)

    def _announce(self, fault: Fault) -> None:
        self.told(fault)

    def _changed(self) -> None:
        self._known = {}

    def tabs(self) -> tuple[Tab, ...]:
        """All tabs from left to right."""
        return tuple(sorted(self._registered("tabs", Tab, check_tab), key=lambda tab: tab.order))

    def build(self, tab: Tab, desk: Desk) -> None:
        """Lay a tab out; one that cannot be built is recorded and stays as far as it came."""
        self.guarded(tab.extension, f"its tab {tab.label!r}", lambda: tab.build(desk))

    def controls(self, tab: str) -> tuple[Control, ...]:
        """The controls extensions want under a tab, each with its extension's name."""
        return self._registered("controls", Control, check_control, tab=tab)

    def all_controls(self) -> tuple[Control, ...]:
        """Those of all tabs."""
        return tuple(control for tab in self.tabs() for control in self.controls(tab.id))

    def settings(self) -> tuple[Control, ...]:
        return self._registered("settings", Control, check_control)

    def buttons(self) -> tuple[Button, ...]:
        return self._registered("buttons", Button, check_named)

    def columns(self) -> tuple[Column, ...]:
        return self._registered("columns", Column, check_named)

    def assets(self) -> Mapping[str, Path]:
        """What the page loads: "<extension>/<file>" -> the file."""
        files: dict[str, Path] = {}
        for implementation in self._implementations("assets"):
            name = implementation.plugin_name
            found = self.guarded(name, "assets", partial(_files, implementation, self._folder(name)))
            files |= {f"{name}/{file}": path for file, path in (found or {}).items()}
        return files

    def press(self, extension: str, name: str, pressed_for: Picture | JobCard, desk: Desk) -> Outcome:
        """A button was pressed. Raises NotThere, BadExtension, and what the button refuses with."""
        for button in self.buttons():
            if (button.extension, button.name) == (extension, name):
                return self._or_refuse(
                    extension, f"its button {button.label!r}", partial(_told, button, pressed_for, desk)
                )
        raise NotThere(f"there is no button {name!r:.60} of an extension {extension!r:.60}")

    def route(self, extension: str, method: str, path: str) -> Route:
        """Raises NotThere."""
        for route in self._registered("routes", Route, check_route):
            if (route.extension, route.method, route.path) == (extension, method, path):
                return route
        raise NotThere(f"the extension {extension!r:.60} has no route {method} {path:.80}")

    def reply(self, route: Route, asked: Call, desk: Desk) -> Reply:
        """Raises BadExtension, and what the route refuses with."""
        what = f"its route {route.path}"
        return self._or_refuse(route.extension, what, lambda: of_kind(route.answer(asked, desk), Reply) or Reply(b""))

    def column_values(self, picture: Picture) -> list[tuple[str, str]]:
        """(label, what it says of this picture) of each column that says something."""
        told = []
        for column in self.columns():
            text = self.guarded(column.extension, f"its column {column.label!r}", partial(_said, column, picture))
            if text:
                told.append((column.label, text))
        return told

    def change_prompt(self, prompt: str, seed: int, request: GenerationRequest, desks: Desks) -> str:
        """The prompt after everybody's rewriting. Raises what an extension refuses it with."""
        for one in self._implementations("change_prompt"):
            act = partial(_text, one, prompt=prompt, seed=seed, request=request, desk=desks(one.plugin_name))
            changed = self.guarded(one.plugin_name, "change_prompt", act, passing=(TaffyError,))
            prompt = prompt if changed is None else changed
        return prompt

    def pack(self, job_id: str, request: GenerationRequest, desks: Desks) -> dict[str, bytes]:
        """What worker halves get along, by "<extension>.<name>"."""
        packed: dict[str, bytes] = {}
        for one in self._implementations("pack"):
            desk = desks(one.plugin_name)
            given = self._ask(one, dict, job_id=job_id, request=request, desk=desk)
            packed |= {f"{one.plugin_name}.{name}": bytes(data) for name, data in (given or {}).items()}
        return packed

    def hear(self, extension: str, job_id: str, message: Message, desks: Desks) -> None:
        """A worker half speaks to its front half."""
        for one in self._implementations("hear"):
            if one.plugin_name == extension:
                self._ask(one, NoneType, job_id=job_id, message=message, desk=desks(extension))

    def saved(self, picture_id: str, request: GenerationRequest, desks: Desks) -> None:
        """Tell everybody that a picture was saved."""
        for one in self._implementations("after_save"):
            self._ask(one, NoneType, picture_id=picture_id, request=request, desk=desks(one.plugin_name))

    def ended(self, job_id: str, state: JobState, desks: Desks) -> None:
        """Tell everybody that a job has ended."""
        for one in self._implementations("after_job"):
            self._ask(one, NoneType, job_id=job_id, state=state, desk=desks(one.plugin_name))

    def families(self) -> dict[str, GuardedFamily]:
        """Loaders of model families, by name; asked for once."""
        key = "families", ""
        if key not in self._known:
            found: dict[str, GuardedFamily] = {}
            for one in self._implementations("families"):
                loaders = self._ask(one, dict) or {}
                found |= {name: GuardedFamily(self, one.plugin_name, loader) for name, loader in loaders.items()}
            self._known[key] = (found,)
        return dict(self._known[key][0])

    def _or_refuse(self, extension: str, what: str, act: Callable[[], Answer]) -> Answer:
        answer = self.guarded(extension, what, act, passing=(TaffyError,))
        if answer is None:
            fault = self._faults[extension, what]
            raise BadExtension(fault.message, "the Extensions page has the details for its author")
        return answer

    def _registered(
        self, hook: str, kind: type[Thing], check: Callable[[Any], Thing], tab: str = ""
    ) -> tuple[Thing, ...]:
        """What everybody registers, checked, with its extension's name; asked for once."""
        key = hook, tab
        if key not in self._known:
            found: list[Thing] = []
            for one in self._implementations(hook):
                values = {"tab": tab, "models": self._models} if tab else {}
                things = self.guarded(one.plugin_name, hook, partial(_checked, one, kind, check, values)) or ()
                found += [replace(thing, extension=one.plugin_name) for thing in things]
            self._known[key] = tuple(found)
        return self._known[key]


def _told(button: Button, pressed_for: Picture | JobCard, desk: Desk) -> Outcome:
    if isinstance(pressed_for, Picture):
        return of_kind(button.press(pressed_for, desk), Outcome) or Outcome()
    if button.watch is None:
        raise NotThere(f"{button.label} is for finished pictures", "wait until this one is done")
    return of_kind(button.watch(pressed_for, desk), Outcome) or Outcome()


def _said(column: Column, picture: Picture) -> str:
    return str(column.value(picture))


def _text(implementation: pluggy.HookImpl, **values: object) -> str | None:
    return of_kind(call(implementation, **values), str)


def _checked(
    implementation: pluggy.HookImpl, kind: type[Thing], check: Callable[[Any], Thing], values: Mapping[str, object]
) -> tuple[Thing, ...]:
    """What an implementation registers. Raises TypeError, ValueError for what cannot be used."""
    things = tuple(check(one) for one in call(implementation, **values) or ())
    for one in things:
        if not isinstance(one, kind):
            raise TypeError(f"it answered with a {type(one).__name__}, a {kind.__name__} was expected")
    names = [getattr(one, "name", getattr(one, "id", "")) or getattr(one, "path", "") for one in things]
    if kind is not Route and (double := {name for name in names if names.count(name) > 1}):
        raise ValueError(f"the name {min(double)!r} is there twice")
    return things


def check_tab(tab: Tab) -> Tab:
    if not isinstance(tab, Tab):
        raise TypeError(f"a Tab was expected, got {tab!r:.80}")
    if not NAME.fullmatch(tab.id):
        raise ValueError(f"a tab's id has letters, digits, - and _, got {tab.id!r:.80}")
    return tab


def check_named(thing: Button | Column) -> Any:
    if not isinstance(thing, Button | Column):
        raise TypeError(f"a Button or Column was expected, got {thing!r:.80}")
    if not NAME.fullmatch(thing.name):
        raise ValueError(f"a name has letters, digits, - and _, got {thing.name!r:.80}")
    return thing


def check_route(route: Route) -> Route:
    if not isinstance(route, Route):
        raise TypeError(f"a Route was expected, got {route!r:.80}")
    if route.method not in {"GET", "POST"} or not all(NAME.fullmatch(part) for part in route.path.split("/")):
        raise ValueError(
            f'a route is GET or POST and a path like "cells" or "cells/next", got {route.method} {route.path!r:.80}'
        )
    return route


def _files(implementation: pluggy.HookImpl, folder: Path) -> dict[str, Path]:
    """File name -> where it lies. Raises ValueError for anything but a CSS or JavaScript file of the folder."""
    found = {}
    for name in call(implementation) or ():
        path = (folder / name).resolve()
        if PurePosixPath(name).suffix not in ASSETS or not path.is_relative_to(folder.resolve()) or not path.is_file():
            raise ValueError(f"{name!r:.80} is no .css or .js file of the extension's folder")
        found[name] = path
    return found
