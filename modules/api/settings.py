"""Settings over HTTP: each with its value, where that came from, and what may be changed. Users see their own only."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from modules.api.jobs import read_json
from modules.api.people import Asking
from modules.api.view import Json
from modules.app import App
from modules.choosing import change_settings, choices, has_own, settings_of
from modules.core.people import Person
from modules.core.settings import FILE, KEYS, SETTINGS, Settings
from modules.core.settings_file import AT_ONCE, FIXED, WINNERS, default_of
from modules.people.own import PERSONAL

LABELS = {
    "autolaunch": "Open the browser",
    "data_dir": "Data folder",
    "models_dir": "Models folders",
    "ckpt": "Checkpoint",
    "use_cpu": "Processor only",
    "listen": "Other computers",
}  # where the name in the file is no plain word
YOURS = "These count for you alone. What you leave open is as the owner set it."
NOBODYS = "There is nothing for you to set: settings are the owner's, and those of users with a name."
SPOKEN = {"flag": "flag", "environment": "variable", "file": "file"}


def settings_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/settings")

    @routes.get("")
    def every(person: Asking) -> Json:
        return seen_settings(app, person)

    @routes.post("")
    async def change(request: Request, person: Asking) -> Json:
        changes = await read_json(request)
        await run_in_threadpool(change_settings, app, person, changes)
        return await run_in_threadpool(seen_settings, app, person)

    return routes


def seen_settings(app: App, person: Person) -> Json:
    """file: where the machine's are kept, for the owner. about: what everybody else is told instead."""
    if person.role == "owner":
        return {"file": str(app.book.path), "about": "", "settings": [one_setting(app, key) for key in KEYS]}
    if not has_own(person):
        return {"file": "", "about": NOBODYS, "settings": []}
    own = [own_setting(app, person, key) for key, field in KEYS.items() if field in PERSONAL]
    return {"file": "", "about": YOURS, "settings": own}


def own_setting(app: App, person: Person, key: str) -> Json:
    """One of a user's own. default: what the owner chose for everybody."""
    field = KEYS[key]
    value, chosen = getattr(settings_of(app, person.name), field), field in app.own.of(person.name)
    shared = {"value": value, "next": value, "default": getattr(app.settings, field)}
    words = {"source": "your own choice" if chosen else "the owner", "fixed": "", "at_once": True}
    return one_setting(app, key) | shared | words | {"group": "Yours"}


def one_setting(app: App, key: str) -> Json:
    """value: what this run uses. next: what the next start will use. fixed: why it cannot be changed, or empty.

    in_use: what was made of it, and why.
    """
    field, now = KEYS[key], app.settings
    meta, source = SETTINGS[field], now.sources.get(field, "default")
    return {
        "name": key,
        "label": LABELS.get(key, key.replace("_", " ").capitalize()),
        "group": meta["group"],
        "what": meta["what"],
        "kind": widget(field, choices(app, field)),
        "choices": choices(app, field),
        "allowed": meta["kind"].allowed,
        "value": plain(field, getattr(now, field)),
        "next": plain(field, app.book.after_restart(field)),
        "default": plain(field, default_of(field)),
        "source": source_words(key, source),
        "fixed": FIXED.get(field) or winner_words(key, source),
        "at_once": field in AT_ONCE,
        "in_use": in_use(app, field),
    }


def in_use(app: App, field: str) -> str:
    """What the engine made of a choice, and why; empty for most."""
    if (card := app.watchers.card) is None:
        return ""
    made = {"attention": (card.attention, card.why_attention), "offload": (card.placement, card.why_placement)}
    return ": ".join(filter(None, made.get(field, ())))


def widget(field: str, choices: list[str]) -> str:
    """How it is asked for: "switch", "number", "folders", "choice" or "text"."""
    kinds = {bool: "switch", int: "number", tuple: "folders"}
    return kinds.get(type(default_of(field)), "choice" if choices else "text")


def plain(field: str, value: object) -> object:
    """A value as JSON; of the models folders those that were added to Taffy's own."""
    if isinstance(value, tuple):
        return [str(folder) for folder in value[len(Settings.models_dirs) :]]
    return str(value) if isinstance(value, Path) else value


def source_words(key: str, source: str) -> str:
    names = {"flag": SETTINGS[KEYS[key]]["flags"][0], "environment": f"TAFFY_{key.upper()}", "file": FILE}
    return f"{SPOKEN[source]} {names[source]}" if source in names else source


def winner_words(key: str, source: str) -> str:
    if source not in WINNERS:
        return ""
    return f"The {source_words(key, source)} wins over the file: start without it to change this here."
