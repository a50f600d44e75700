"""Makes .venv beside webui.py, fills it, and starts the program again on its Python. Standard library only.

It must open in Pythons that are too old, to say so: nothing newer than 3.7 here and in what this imports.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from modules.installing import Install, InstallFailed, InstallProgress, NoRoom, requirements, run_watched, venv_python

OLDEST, NEWEST = (3, 11), (3, 14)  # every pinned package has wheels for these, on every supported platform
PHASES = {"front": "the page", "worker": "what makes the pictures", "tests": "the tools of the tests"}
ROOM_FOR_THE_FRONT = 600_000_000  # bytes; measured: 0.46 GB
OFFLINE = {  # nothing is looked up or counted anywhere, and no model folder may run its own code
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "DIFFUSERS_DISABLE_REMOTE_CODE": "1",
}


def check_python() -> None:
    """Raises InstallFailed on a Python that Taffy's packages do not know."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise InstallFailed(
            f"Taffy needs Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}, this is {sys.version.split()[0]}",
            f"install Python {OLDEST[0]}.{OLDEST[1]} or newer and start again with it",
        )


def ensure(root: Path, phases: Sequence[str], command: Sequence[str]) -> None:
    """Returns once this process runs on .venv's Python with the packages of `phases`.

    Otherwise it installs what is missing, with a bar in the terminal, starts `command` (arguments for Python) there and
    does not return. root: the folder of webui.py. Raises InstallFailed.
    """
    check_python()
    os.environ.update(OFFLINE)
    installs = [Install(root, phase) for phase in phases]
    missing = [install for install in installs if install.needed()]
    if missing:
        make_venv(root)
    for install in missing:
        show(install)
    if Path(sys.prefix).resolve() != (root / ".venv").resolve():
        start_again([str(venv_python(root)), *command])


def make_venv(root: Path) -> None:
    """A .venv whose Python runs, with uv in it if it can be had. Keeps what is there. Raises InstallFailed."""
    venv, python = root / ".venv", str(venv_python(root))
    if _runs([python, "-m", "uv", "--version"]):
        return
    free = shutil.disk_usage(root).free
    if free < ROOM_FOR_THE_FRONT:
        raise NoRoom(
            f"the disk is too small: the page needs {ROOM_FOR_THE_FRONT / 1e6:.0f} MB, {free / 1e6:.0f} MB are free",
            "free some space and start again",
        )
    print("Preparing the folder .venv for Taffy's packages", flush=True)
    if not _runs([python, "-c", ""]):
        _must([sys.executable, "-m", "venv", "--clear", str(venv)])
    if not _runs([python, "-m", "pip", "--version"]):  # interrupted, or made by a tool that leaves pip out
        _must([python, "-m", "ensurepip"])
    uv = requirements(root, "installer").strip()
    with suppress(InstallFailed):  # without uv, pip does the rest
        for _ in run_watched([python, "-m", "pip", "install", "--retries", "1", "-q", uv], dict(os.environ)):
            pass


def show(install: Install) -> None:
    """Install, with a bar where a person watches and a line every ten seconds where a log is written."""
    began = said = time.monotonic()
    print(f"Installing {PHASES[install.phase]}", flush=True)
    for progress in install.run():
        if sys.stdout.isatty():
            print(f"\r{bar(progress):<79.79}", end="", flush=True)
        elif time.monotonic() - said > 10:
            said = time.monotonic()
            print(bar(progress), flush=True)
    done = f"Installed {PHASES[install.phase]} in {time.monotonic() - began:.0f} s"
    print(f"\r{done:<79}" if sys.stdout.isatty() else done, flush=True)


def bar(progress: InstallProgress) -> str:
    """`[####------]  41 of 98 MB, 3 s left`; the tool's own line while the total is unknown."""
    if not progress.total_bytes:
        return progress.line
    filled = round(30 * progress.done_bytes / progress.total_bytes)
    left = "" if progress.seconds_left is None else f", {time_left(progress.seconds_left)} left"
    done, total = progress.done_bytes / 1e6, progress.total_bytes / 1e6
    return f"[{'#' * filled}{'-' * (30 - filled)}] {done:.0f} of {total:.0f} MB{left}"


def time_left(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def start_again(command: Sequence[str]) -> NoReturn:
    """Become this command; where a process cannot (Windows), run it and end as it ends."""
    if os.name == "posix":
        os.execv(command[0], [*command])
    child = subprocess.Popen(command)
    while True:
        with suppress(KeyboardInterrupt):  # the child hears Ctrl+C too, and ends in its own way
            sys.exit(child.wait())


def _must(command: Sequence[str]) -> None:
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode:
        raise InstallFailed(
            f"the folder .venv could not be made: {(result.stderr or result.stdout).strip()}",
            "on Debian and Ubuntu: apt install python3-venv; otherwise check that this folder can be written",
        )


def _runs(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:  # not there, or a link to a Python that is gone
        return False
