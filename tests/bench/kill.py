"""kill -9 of a whole server again and again, at random moments, with a queue of tiny jobs; then: is everything there?

A server is a process group of its own: the front without its page, and a worker process that makes noise. Between two
kills jobs are put in, acknowledged, and made. After the last kill the queue is worked off and the disk is looked at.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from PIL import Image

from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, BenchFailed, say

LIVES = (0.4, 3.0)  # seconds a server may live at most, from its first answer: every other one dies while it starts
PATIENCE = 120.0


@dataclass
class Outcome:
    """told: ids of jobs that were acknowledged, with how many pictures each has."""

    told: dict[str, int] = field(default_factory=dict)
    interrupted: set[str] = field(default_factory=set)  # jobs that were running when everything was killed
    recoveries: list[float] = field(default_factory=list)  # seconds from the start of a process to its queue running
    lost: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    doubles: int = 0
    truncated: int = 0
    pictures: int = 0


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)


def run(options: Namespace) -> Iterator[Report]:
    with tempfile.TemporaryDirectory() as folder:
        outcome = torture(Path(folder), options.kills, options.seed)
    rows = (
        Row("Jobs", "acknowledged", (len(outcome.told),), "jobs"),
        Row("Jobs", "running at a kill", (len(outcome.interrupted),), "jobs"),
        Row("Jobs", "failed after two attempts, with the reason", (len(outcome.failed),), "jobs"),
        Row("Jobs", "lost", (len(outcome.lost),), "jobs", 0),
        Row("Files", "pictures", (outcome.pictures,), "files"),
        Row("Files", "made twice", (outcome.doubles,), "files", 0),
        Row("Files", "truncated", (outcome.truncated,), "files", 0),
        Row("Restart", "until the queue runs again", tuple(outcome.recoveries), "s", 10),
    )
    yield Report("kill", f"{options.kills} times kill -9", rows, machine(ROOT), complete=True)


def torture(folder: Path, kills: int, seed: int) -> Outcome:
    """So many lives of a server on one folder, all but the last ended by kill -9."""
    chance, outcome = random.Random(seed), Outcome()
    for life in range(kills):
        live(folder, outcome, chance.uniform(0, LIVES[life % 2]))
        if life % 10 == 9:
            say(f"{life + 1} kills, {len(outcome.told)} jobs acknowledged")
    finish(folder, outcome)
    return outcome


def live(folder: Path, outcome: Outcome, seconds: float) -> None:
    """Start a server, let it put in and make jobs, kill it and all it started."""
    server, began = spawn(folder, "work"), time.monotonic()
    assert server.stdout is not None
    try:
        listen(server.stdout, outcome, began, stop_after=1)
        time.sleep(seconds)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    listen(server.stdout, outcome, began)


def finish(folder: Path, outcome: Outcome) -> None:
    """A last server makes what is left; then count."""
    server, began = spawn(folder, "finish"), time.monotonic()
    assert server.stdout is not None
    try:
        listen(server.stdout, outcome, began)
        if server.wait(PATIENCE) != 0:
            raise BenchFailed("the last server did not end well")
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
    count(folder, outcome)


def spawn(folder: Path, what: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.bench.killed", str(folder), what]
    log = (folder / "stderr.log").open("a")
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)


def listen(lines: IO[str], outcome: Outcome, began: float, stop_after: int = 0) -> None:
    """What a server says: "ready" with the jobs it puts back, and each job as soon as it was acknowledged.

    A line cut off was not said.
    """
    for said, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            return
        match line.split():
            case ["ready", *interrupted]:
                outcome.recoveries.append(time.monotonic() - began)
                outcome.interrupted.update(interrupted)
            case ["told", id, pictures]:
                outcome.told[id] = int(pictures)
        if said == stop_after:
            return
    if stop_after:
        raise BenchFailed("a server did not start")


def count(folder: Path, outcome: Outcome) -> None:
    """Look at what the last server wrote of all jobs and pictures, and at every file."""
    found = json.loads((folder / "found.json").read_text())
    known = {job["id"]: job for job in found}
    for id, pictures in outcome.told.items():
        job = known.get(id)
        if job is None or job["state"] not in {"done", "failed"} or (job["state"] == "failed" and not job["error"]):
            outcome.lost.append(id)
        elif job["state"] == "failed":
            outcome.failed[id] = job["error"]
        elif sorted(job["seeds"]) != list(range(job["seed"], job["seed"] + pictures)):
            outcome.lost.append(id)
    listed = [path for job in found for path in job["files"]]
    on_disk = sorted(str(path) for path in (folder / "data" / "outputs").rglob("*.png"))
    outcome.pictures, outcome.doubles = len(on_disk), len(on_disk) - len(set(listed) & set(on_disk))
    outcome.truncated = sum(not is_whole(Path(path)) for path in {*listed, *on_disk})
    outcome.truncated += len(list((folder / "data" / "outputs").rglob(".*.tmp")))


def is_whole(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, SyntaxError):
        return False
    return True
