"""Bench `start`: from `python webui.py` to the page, and to the first picture; with --clone from `git clone` on.

Not for Windows, which has no process groups to end.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any, TypeVar

from tests.bench.report import Report, Row, machine

ROOT = Path(__file__).resolve().parents[2]
STEPS = 20
PAGE_LIMIT, PICTURE_LIMIT = 6.0, 15.0  # seconds, promised for a warm disk
PATIENCE = 1800.0  # seconds until a server that says nothing is given up
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Answer = TypeVar("Answer")


class BenchFailed(Exception):
    """The thing to be measured did not work."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, help="how often (default: 5, with --clone 1)")
    parser.add_argument("--clone", action="store_true", help="measure from `git clone` on, installs included")
    parser.add_argument("--models-dir", help="a further models folder for the server")
    parser.add_argument("--checkpoint", default="", help="checkpoint to make the picture with, by name")


def run(options: Namespace) -> Iterator[Report]:
    """A report after every run. The first start only warms the disk and does not count."""
    facts = machine(ROOT)
    runs = options.runs or (1 if options.clone else 5)
    flags = ["--models-dir", options.models_dir] if options.models_dir else []
    pages: list[float] = []
    pictures: list[float] = []
    for number in range(runs if options.clone else runs + 1):
        say(f"run {number}" + (" (warms the disk)" if number == 0 and not options.clone else ""))
        with TemporaryDirectory(prefix="taffy-bench-") as folder:
            page, picture = (cloned if options.clone else started)(Path(folder), flags, options.checkpoint)
        say(f"page after {page:.2f} s, picture after {picture:.2f} s")
        if number or options.clone:
            pages.append(page)
            pictures.append(picture)
            yield report(pages, pictures, options.clone, facts, complete=len(pages) == runs)


def report(pages: list[float], pictures: list[float], clone: bool, facts: dict[str, str], complete: bool) -> Report:
    panel = "From git clone, installs included" if clone else "From the start of the process"
    limits = (None, None) if clone else (PAGE_LIMIT, PICTURE_LIMIT)
    rows = (
        Row(panel, "page served", tuple(pages), "s", limits[0]),
        Row(panel, f"first picture, {STEPS} steps", tuple(pictures), "s", limits[1]),
    )
    return Report("start-clone" if clone else "start", "From the command to the picture", rows, facts, complete)


def started(folder: Path, flags: list[str], checkpoint: str) -> tuple[float, float]:
    """Seconds from the start of the process to the page and to the picture, in the packages that are installed."""
    began = monotonic()
    with served([sys.executable], ROOT, folder / "data", flags) as server:
        return watched(server, began, checkpoint)


def cloned(folder: Path, flags: list[str], checkpoint: str) -> tuple[float, float]:
    """The same from `git clone`, with the bare Python this one was made from and nothing in uv's cache."""
    began = monotonic()
    subprocess.run(["git", "clone", "-q", ROOT, folder / "taffy"], check=True)
    python = Path(sys.base_prefix) / "bin/python3"
    with served([str(python)], folder / "taffy", folder / "data", flags) as server:
        return watched(server, began, checkpoint)


@dataclass(frozen=True)
class Server:
    """A running webui.py."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str) -> bytes:
        with OPENER.open(self.url + path, timeout=60) as answer:
            content: bytes = answer.read()
            return content

    def post(self, path: str, values: dict[str, Any]) -> dict[str, Any]:
        body = urllib.request.Request(
            self.url + path, json.dumps(values).encode(), {"Content-Type": "application/json"}
        )
        with OPENER.open(body, timeout=60) as answer:
            result: dict[str, Any] = json.loads(answer.read())
            return result


@contextmanager
def served(python: list[str], root: Path, data: Path, flags: list[str]) -> Iterator[Server]:
    """webui.py in a process group of its own, which ends with the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data.mkdir(parents=True)
    log = data.parent / "server.log"
    environment = {name: value for name, value in os.environ.items() if name not in {"UV_CACHE_DIR", "VIRTUAL_ENV"}}
    command = [*python, "webui.py", "--port", str(port), "--data-dir", str(data), *flags]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield Server(f"http://127.0.0.1:{port}", process, log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def watched(server: Server, began: float, checkpoint: str) -> tuple[float, float]:
    """Ask for the page until it comes, then for a picture until it is there."""

    def page() -> bool:
        return b"<html" in server.get("/")

    def job() -> str | None:
        values = {"prompt": "a cat", "steps": STEPS, "seed": 1, "checkpoint": checkpoint}
        return str(server.post("/jobs", values)["id"])

    wait(page, server, began, "the page")
    page_seconds = monotonic() - began
    job_id = wait(job, server, began, "a checkpoint")

    def picture() -> bool:
        state = json.loads(server.get(f"/jobs/{job_id}"))
        if state["state"] in {"failed", "cancelled"}:
            raise BenchFailed(f"the job {state['state']}: {state['error']}")
        return state["state"] == "done" and bool(state["pictures"])

    wait(picture, server, began, "the picture")
    return page_seconds, monotonic() - began


def wait(check: Callable[[], Answer], server: Server, began: float, what: str) -> Answer:
    """Check every 20 ms until the answer is true; a server that is not there yet, or refuses, is asked again."""
    said = began
    while True:
        refused = ""
        try:
            if answer := check():
                return answer
        except urllib.error.HTTPError as error:
            refused = f"{error.code} {error.read().decode(errors='replace')}"
        except OSError as error:
            refused = str(error)
        if server.process.poll() is not None or monotonic() - began > PATIENCE:
            raise BenchFailed(f"{what} never came; {refused}\n{server.log.read_text(errors='replace')[-2000:]}")
        if monotonic() - said > 5:
            said = monotonic()
            say(f"{said - began:.0f} s, waiting for {what}")
        sleep(0.02)


def say(line: str) -> None:
    print(f"  {line}", flush=True)
