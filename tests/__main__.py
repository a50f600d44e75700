"""`python -m tests`: installs what is missing, then runs every check and every test; `--all` adds the long tests.

Other arguments go to pytest, which then runs alone: `python -m tests tests/core -k contained`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from modules.bootstrap import ensure
from modules.core.errors import TaffyError

ROOT = Path(__file__).resolve().parents[1]
CHECKS = {
    "ruff format": [sys.executable, "-m", "ruff", "format", "--check", "."],
    "ruff check": [sys.executable, "-m", "ruff", "check", "."],
    "lint-imports": [str(Path(sysconfig.get_path("scripts")) / "lint-imports")],
    "mypy": [sys.executable, "-m", "mypy"],
}
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
CHROMIUM_FILES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)


def main(arguments: Sequence[str]) -> int:
    ensure(ROOT, ["front", "worker", "tests"], ["-m", "tests", *arguments])
    chosen = [argument for argument in arguments if argument != "--all"]
    set_chromium(install=not chosen)
    failed = [] if chosen else [name for name, command in CHECKS.items() if not passes(name, command)]
    if not chosen:
        print(f"\n==> checks: {', '.join(failed) + ' FAILED' if failed else 'all passed'}; now pytest", flush=True)
    fast = [] if "--all" in arguments else ["-m", "not long"]
    rows = chosen or ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]  # a file stays in its row
    tests = subprocess.run([sys.executable, "-m", "pytest", *fast, *rows], cwd=ROOT, check=False).returncode
    return tests or bool(failed)


def passes(name: str, command: Sequence[str]) -> bool:
    """Run a check under a header; its verdict and time stand below its output."""
    print(f"\n==> {name}", flush=True)
    began = time.monotonic()
    good = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    print(f"==> {name}: {'passed' if good else 'FAILED'} in {time.monotonic() - began:.1f} s", flush=True)
    return good


def set_chromium(install: bool) -> None:
    """Tell the browser tests where Chromium is (TAFFY_CHROMIUM) or why they are skipped (TAFFY_NO_CHROMIUM)."""
    found = os.environ.get("TAFFY_CHROMIUM") or find_chromium()
    if not found and install and shutil.which("apt-get") and os.geteuid() == 0:
        print("\n==> installing Chromium for the browser tests", flush=True)
        for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *command], check=False, stdout=subprocess.DEVNULL)
        found = find_chromium()
    if found:
        os.environ["TAFFY_CHROMIUM"] = found
    else:
        os.environ["TAFFY_NO_CHROMIUM"] = "no Chromium, Chrome or Edge here; TAFFY_CHROMIUM=<its path> names one"


def find_chromium() -> str:
    on_path = [path for name in CHROMIUMS if (path := shutil.which(name))]
    installed = [path for path in CHROMIUM_FILES if Path(path).exists()]
    return next(iter([*on_path, *installed]), "")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except TaffyError as problem:
        sys.exit("\n".join(filter(None, [problem.message, problem.advice])))
    except KeyboardInterrupt:
        sys.exit(130)
