"""Many people at once on tiny jobs: are answers right and quick, do previews come, is memory flat?

A server shared with `--listen`, its page in it, runs in a process of its own with a worker that makes noise. Each
client is a user with a login and an open stream, as a browser has; it asks for a picture, looks at its job, waits, and
compares the picture with the one its seed gives.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from random import Random
from statistics import median, quantiles
from threading import Event, Thread
from typing import IO

import httpx
from PIL import Image

from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, BenchFailed, say

GROWTH_LIMIT = 20.0  # MB once the films of previews, which have a limit of their own, have all their room
WORD = "correct horse"
SIDE, STEPS = 16, 15
PAUSE = 0.5  # seconds a person looks at a picture
PATIENCE = 60.0


@dataclass
class Outcome:
    """actions: seconds each request of a page took."""

    actions: list[float] = field(default_factory=list)
    pictures: int = 0
    wrong: list[str] = field(default_factory=list)
    frames: int = 0
    without_preview: int = 0
    memory: list[float] = field(default_factory=list)  # MB of the front process, every second
    full: int | None = None  # from which of these on the films had all their room

    @property
    def p95(self) -> float:
        return quantiles(self.actions, n=20)[-1]

    @property
    def growth(self) -> float:
        """MB with full films, from the median of the first fifth to that of the last. Raises BenchFailed."""
        if self.full is None:
            raise BenchFailed("the films of previews did not fill, so nothing can be said of memory: take more seconds")
        after = self.memory[self.full :]
        fifth = max(1, len(after) // 5)
        return median(after[-fifth:]) - median(after[:fifth])


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=300.0)


def run(options: Namespace) -> Iterator[Report]:
    with tempfile.TemporaryDirectory() as folder:
        outcome = press(Path(folder), options.clients, options.seconds)
    rows = (
        Row("Page actions", "median", (1000 * median(outcome.actions),), "ms"),
        Row("Page actions", "95 of 100 are quicker than", (1000 * outcome.p95,), "ms", 100),
        Row("Answers", "requests", (len(outcome.actions),), "answers"),
        Row("Answers", "pictures", (outcome.pictures,), "answers"),
        Row("Answers", "wrong", (len(outcome.wrong),), "answers", 0),
        Row("Previews", "frames a second, all clients", (outcome.frames / options.seconds,), "a second"),
        Row("Previews", "pictures without any", (outcome.without_preview,), "pictures", 0),
        Row("Memory", "front process", tuple(outcome.memory), "MB"),
        Row("Memory", "growth with full films", (max(0.0, outcome.growth),), "MB", GROWTH_LIMIT),
    )
    for sentence in outcome.wrong[:5]:
        say(sentence)
    yield Report("load", f"{options.clients} clients for {options.seconds:.0f} s", rows, machine(ROOT), complete=True)


def press(folder: Path, clients: int, seconds: float) -> Outcome:
    outcome = Outcome()
    with serving(folder, clients) as pressed:
        asyncio.run(everybody(pressed, clients, seconds, outcome))
    return outcome


@dataclass(frozen=True)
class Pressed:
    """A server: its address, its process id, and whether its films have all their room."""

    url: str
    process: int
    full: Event


@contextmanager
def serving(folder: Path, clients: int) -> Iterator[Pressed]:
    """A server that knows users user0, user1 ..."""
    command = [sys.executable, "-m", "tests.bench.loaded", str(folder), str(clients)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert server.stdout is not None
            said = server.stdout.readline().split()
            if said[:1] != ["port"]:
                raise BenchFailed(f"the server did not start: {(folder / 'log').read_text()[-2000:]}")
            full = Event()
            Thread(target=heard, args=(server.stdout, full), daemon=True).start()
            yield Pressed(f"http://127.0.0.1:{said[1]}", server.pid, full)
        finally:
            server.terminate()
            server.wait(PATIENCE)


def heard(said: IO[str], full: Event) -> None:
    """What else the server says."""
    for line in said:
        if line.strip() == "full":
            full.set()


async def everybody(pressed: Pressed, clients: int, seconds: float, outcome: Outcome) -> None:
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch_memory(pressed, until, outcome))
        for number in range(clients):
            tasks.create_task(client(pressed.url, number, until, outcome))


async def client(url: str, number: int, until: float, outcome: Outcome) -> None:
    """One person: logs in, keeps a stream open, asks for one picture after the other."""
    chance = Random(number)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as http:
        answer = await http.post("/login", data={"name": f"user{number}", "password": WORD})
        if answer.status_code != 303:
            raise BenchFailed(f"user{number} could not log in: {answer.status_code}")
        seen: set[str] = set()
        ended: dict[str, asyncio.Event] = {}
        stream = asyncio.create_task(listen(http, seen, ended, outcome))
        while time.monotonic() < until:
            await picture(http, chance.randrange(10_000), seen, ended, outcome)
            await asyncio.sleep(PAUSE)
        stream.cancel()
        with suppress(asyncio.CancelledError):
            await stream


async def picture(
    http: httpx.AsyncClient, seed: int, seen: set[str], ended: dict[str, asyncio.Event], outcome: Outcome
) -> None:
    """Ask for a picture, look at the job, wait for it, compare it."""
    request = {"prompt": f"a cat {seed}", "seed": seed, "width": SIDE, "height": SIDE, "steps": STEPS}
    await timed(http, outcome, "POST", "/words", json={"prompt": request["prompt"]})
    id = (await timed(http, outcome, "POST", "/jobs", json=request)).json()["id"]
    over = ended.setdefault(id, asyncio.Event())
    await timed(http, outcome, "GET", f"/jobs/{id}")
    await asyncio.wait_for(over.wait(), PATIENCE)
    job = (await timed(http, outcome, "GET", f"/jobs/{id}")).json()
    if job["state"] != "done" or len(job["pictures"]) != 1:
        outcome.wrong.append(f"job {id}: {job['state']} {job['error']}")
        return
    png = (await timed(http, outcome, "GET", job["pictures"][0]["url"])).content
    expected = Random(seed).randbytes(SIDE * SIDE * 3)
    if Image.open(BytesIO(png)).convert("RGB").tobytes() != expected:
        outcome.wrong.append(f"job {id}: another picture")
    outcome.pictures += 1
    outcome.without_preview += id not in seen


async def timed(http: httpx.AsyncClient, outcome: Outcome, method: str, path: str, **more: object) -> httpx.Response:
    began = time.monotonic()
    answer = await http.request(method, path, **more)  # type: ignore[arg-type]
    outcome.actions.append(time.monotonic() - began)
    if answer.status_code >= 400:
        outcome.wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
    return answer


async def listen(http: httpx.AsyncClient, seen: set[str], ended: dict[str, asyncio.Event], outcome: Outcome) -> None:
    """What a page hears: previews of its own jobs, and which have ended."""
    async with http.stream("GET", "/jobs/stream", timeout=None) as stream:
        kind = ""
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                told = json.loads(line[6:])
                if kind == "frame":
                    outcome.frames += 1
                    seen.add(told["job"])
                for job in told.get("recent", ()):
                    ended.setdefault(job["id"], asyncio.Event()).set()


async def watch_memory(pressed: Pressed, until: float, outcome: Outcome) -> None:
    while time.monotonic() < until:
        if outcome.full is None and pressed.full.is_set():
            outcome.full = len(outcome.memory)
        outcome.memory.append(resident(pressed.process))
        await asyncio.sleep(1)


def resident(process: int) -> float:
    """MB in memory, where the system tells."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS")), 0.0)
