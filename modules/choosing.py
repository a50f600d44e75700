"""Settings as they count for each person: the owner's are the machine's, a named user has some of their own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from modules.attention.base import KERNELS
from modules.core.errors import BadSetting, NotAllowed
from modules.core.people import LOCAL_OWNER, Person
from modules.core.settings import KEYS, SETTINGS, Settings
from modules.jobs.questions import news
from modules.people.own import PERSONAL
from modules.preview.base import PREVIEWS

if TYPE_CHECKING:
    from modules.app import App

log = logging.getLogger(__name__)


def settings_of(app: App, owner: str) -> Settings:
    """What counts for the jobs of somebody. A choice that is not there any more does not count."""
    user = app.access.users.get(owner)
    if user is None or user.role != "user":
        return app.settings
    known = {field: value for field, value in app.own.of(owner).items() if value in choices(app, field)}
    return replace(app.settings, **known)  # type: ignore[arg-type]


def with_known_names(settings: Settings) -> Settings:
    """Names of the settings file that are not there any more do not count; the log says so.

    Raises BadSetting for those of a flag or a variable.
    """
    for field, table, also in (("preview", PREVIEWS, ("automatic", "off")), ("attention", KERNELS, ("automatic",))):
        try:
            table.check(f"--{field}", getattr(settings, field), *also)
        except BadSetting as error:
            if settings.sources.get(field) != "file":
                raise
            log.warning("%s; %r is used", error.message, also[0])
            settings = replace(settings, **{field: also[0]})  # type: ignore[arg-type]
    return settings


def has_own(person: Person) -> bool:
    """Whether somebody has settings of their own. Without names nobody can tell whose they would be."""
    return person.role == "user" and person.name != LOCAL_OWNER


def change_settings(app: App, person: Person, changes: Mapping[str, object]) -> None:
    """The machine's for the owner, their own for a user; None for the default. All or none.

    Raises NotAllowed, BadSetting, CannotSave.
    """
    if person.role == "owner":
        change_machine(app, changes)
        return
    if not has_own(person) or any(KEYS.get(key) not in PERSONAL for key in changes):
        raise NotAllowed("only the owner changes settings of the machine")
    check(app, changes)
    new: dict[str, str | None] = {}
    for key, value in changes.items():
        if not isinstance(value, str | None):
            raise BadSetting(f"{key} is {value!r:.80}, allowed is a name")
        new[KEYS[key]] = value
    app.own.change(person.name, new)


def change_machine(app: App, changes: Mapping[str, object]) -> None:
    """Keep settings of the machine for the next start; those that can, take effect at once. Raises BadSetting,
    CannotSave."""
    check(app, changes)
    before = app.settings
    app.book.change(changes)
    app.queue.limit = app.settings.queue_limit
    app.models[:] = app.settings.models_dirs
    for task in news(app.settings, before):
        app.extending.questions.put_to_all(task)
    app.queue.interrupt()  # there is something to tell the workers, or `unload_after` has changed


def check(app: App, changes: Mapping[str, object]) -> None:
    """Names must be names that there are. Raises BadSetting."""
    for key, value in changes.items():
        if (known := choices(app, KEYS.get(key, key))) and value is not None and value not in known:
            raise BadSetting(f"{key} is {value!r:.80}, allowed is {' or '.join(known)}")


def choices(app: App, field: str) -> list[str]:
    """The names a setting can be, where they can be listed; an empty checkpoint is the starter."""
    match field:
        case "ckpt":
            return ["", *(card.name for card in app.checkpoints())]
        case "preview":
            return ["automatic", "off", *PREVIEWS]
        case "attention":
            return ["automatic", *KERNELS]
    return list(SETTINGS[field]["kind"].choices) if field in SETTINGS else []
