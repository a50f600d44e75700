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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, STDOUT

from modules.bootstrap import ensure
from modules.core.errors import TaffyError

ROOT = Path(__file__).resolve().parents[1]
CHECKS = {
    "ruff format": [sys.executable, "-m", "ruff", "format", "--check", "."],
    "ruff check": [sys.executable, "-m", "ruff", "check", "."],
    "lint-imports": [str(Path(sysconfig.get_path("scripts")) / "lint-imports")],
    "mypy": [sys.executable, "-m", "mypy"],
}
SLOWEST = "mypy"
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
    long = "--all" in arguments
    if not chosen:
        return checked_and_tested(long)
    set_chromium(install=False)
    return tested(long, chosen)


def tested(long: bool, arguments: Sequence[str]) -> int:
    fast = [] if long else ["-m", "not long"]
    return subprocess.run([sys.executable, "-m", "pytest", *fast, *arguments], cwd=ROOT, check=False).returncode


def checked_and_tested(long: bool) -> int:
    """The slowest check runs beside all others, the installing of Chromium, and the tests, which go in two rows.

    Where all is well pytest's own line comes last.
    """
    with ThreadPoolExecutor(1) as beside:
        slow = beside.submit(passes, SLOWEST)
        failed = [name for name in CHECKS if name != SLOWEST and not passes(name)]
        set_chromium(install=True)
        outcome = tested(long, ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"])
        failed += [] if slow.result() else [SLOWEST]
    if failed:
        print(f"\n==> checks: {', '.join(failed)} FAILED", flush=True)
    return outcome or bool(failed)


def passes(name: str) -> bool:
    """Run a check; its output stands under a header when it has ended, its verdict and time below."""
    began = time.monotonic()
    done = subprocess.run(CHECKS[name], cwd=ROOT, check=False, stdout=PIPE, stderr=STDOUT, text=True)
    verdict = f"{'FAILED' if done.returncode else 'passed'} in {time.monotonic() - began:.1f} s"
    print(f"\n==> {name}\n{done.stdout.rstrip()}\n==> {name}: {verdict}", flush=True)
    return done.returncode == 0


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
