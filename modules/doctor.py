"""`python webui.py doctor`: a report of this installation to paste where help is asked for. No secrets in it."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from modules.core.settings import KEYS, ROOT, Settings
from modules.log import Discreet

PACKAGES = ("gradio", "fastapi", "starlette", "pydantic", "pillow", "torch", "diffusers", "transformers", "safetensors")
DATABASES = {"jobs.sqlite3": "job", "gallery.sqlite3": "pictures"}
DEVICE = """
import torch
kind = "cuda" if torch.cuda.is_available() else "xpu" if torch.xpu.is_available() else "cpu"
names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())] if kind == "cuda" else []
memory = [f"{torch.cuda.mem_get_info(number)[1] / 1e9:.0f} GB" for number in range(len(names))]
print(kind, *[f"{name} {size}" for name, size in zip(names, memory)], f"{torch.get_num_threads()} threads", sep=", ")
"""
PATIENCE = 90.0  # seconds for torch to be imported
LAST_LINES = 5


def report(settings: Settings) -> str:
    """Versions, device, folders, databases, settings that differ from the defaults, the last warnings."""
    parts = {
        "Taffy": taffy(),
        "Packages": packages(),
        "Device": device(),
        "Folders": folders(settings),
        "Databases": databases(settings.data_dir),
        "Settings": chosen(settings),
        "Last warnings": warnings(settings.data_dir / "logs" / "taffy.log"),
    }
    text = "\n".join(f"{name}\n" + "".join(f"  {line}\n" for line in lines) for name, lines in parts.items())
    token = settings.data_dir / "access" / "token"
    known = [token.read_text(encoding="ascii").strip()] if token.is_file() else []
    return Discreet(known).hide(text.replace(str(Path.home()), "~"))


def taffy() -> Iterator[str]:
    yield f"Python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} processors"
    yield f"version {commit() or 'unknown'}, SQLite {sqlite3.sqlite_version}"


def commit() -> str:
    """The newest one, with its day; empty where Taffy came as a zip or there is no git."""
    git = shutil.which("git")
    if not git or not (ROOT / ".git").exists():
        return ""
    command = [git, "-C", str(ROOT), "log", "-1", "--format=%h %cs"]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def packages() -> Iterator[str]:
    for name in PACKAGES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} is not installed"


def device() -> Iterator[str]:
    """What torch sees, asked in a process of its own."""
    try:
        asked = subprocess.run(
            [sys.executable, "-c", DEVICE], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        yield f"torch did not answer within {PATIENCE:.0f} seconds"
        return
    yield (
        asked.stdout.strip()
        or f"torch cannot be used: {(asked.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    )


def folders(settings: Settings) -> Iterator[str]:
    for folder in (settings.data_dir, *settings.models_dirs):
        if not folder.is_dir():
            yield f"{folder}: not there"
            continue
        writable = "can be written" if os.access(folder, os.W_OK) else "CANNOT BE WRITTEN"
        yield f"{folder}: {writable}, {shutil.disk_usage(folder).free / 1e9:.1f} GB free"


def databases(data: Path) -> Iterator[str]:
    for name, table in DATABASES.items():
        path = data / name
        if not path.is_file():
            yield f"{name}: not there yet"
            continue
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as db:
                (state,) = db.execute("PRAGMA quick_check(1)").fetchone()
                (of_version,) = db.execute("PRAGMA user_version").fetchone()
                (rows,) = db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
            yield f"{name}: {state}, version {of_version}, {rows} rows, {path.stat().st_size / 1e6:.1f} MB"
        except sqlite3.Error as error:
            yield f"{name}: {error}" + (" (Taffy is running)" if "locked" in str(error) else "")
    yield from (f"set aside: {path.name}" for path in sorted(data.glob("*.broken-*")))


def chosen(settings: Settings) -> Iterator[str]:
    for key, field in KEYS.items():
        if (source := settings.sources.get(field, "default")) != "default":
            yield f"{key} = {getattr(settings, field)} ({source})"


def warnings(log: Path) -> Iterator[str]:
    if not log.is_file():
        yield "there is no log yet"
        return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [line[:300] for line in lines if " WARNING " in line or " ERROR " in line]
    yield from found[-LAST_LINES:] or ["none"]
