"""Settings over HTTP: each with its value, where that came from, and what may be changed. For the local owner."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from modules.api.jobs import read_json
from modules.api.people import Asking
from modules.api.view import Json
from modules.app import App
from modules.core.errors import NotAllowed
from modules.core.settings import FILE, KEYS, SETTINGS, Settings
from modules.core.settings_file import AT_ONCE, FIXED, WINNERS, default_of

LABELS = {
    "autolaunch": "Open the browser",
    "data_dir": "Data folder",
    "models_dir": "Models folders",
    "ckpt": "Checkpoint",
    "use_cpu": "Processor only",
    "listen": "Other computers",
}  # where the name in the file is no plain word
SPOKEN = {"flag": "flag", "environment": "variable", "file": "file"}


def settings_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/settings")

    @routes.get("")
    def every() -> Json:
        return all_settings(app)

    @routes.post("")
    async def change(request: Request, person: Asking) -> Json:
        if person.role != "owner":
            raise NotAllowed("only the owner changes settings")
        changes = await read_json(request)
        await run_in_threadpool(app.change_settings, changes)
        return await run_in_threadpool(all_settings, app)

    return routes


def all_settings(app: App) -> Json:
    return {"file": str(app.book.path), "settings": [one_setting(app, key) for key in KEYS]}


def one_setting(app: App, key: str) -> Json:
    """value: what this run uses. next: what the next start will use. fixed: why it cannot be changed, or empty."""
    field, now = KEYS[key], app.settings
    meta, source = SETTINGS[field], now.sources.get(field, "default")
    return {
        "name": key,
        "label": LABELS.get(key, key.replace("_", " ").capitalize()),
        "group": meta["group"],
        "what": meta["what"],
        "kind": widget(field, app.setting_choices(field)),
        "choices": app.setting_choices(field),
        "allowed": meta["kind"].allowed,
        "value": plain(field, getattr(now, field)),
        "next": plain(field, app.book.after_restart(field)),
        "default": plain(field, default_of(field)),
        "source": source_words(key, source),
        "fixed": FIXED.get(field) or winner_words(key, source),
        "at_once": field in AT_ONCE,
    }


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
