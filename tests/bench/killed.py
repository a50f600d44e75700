"""The server that the bench `kill` kills: `python -m tests.bench.killed FOLDER work|finish`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from modules.app import App, build
from modules.core.request import GenerationRequest
from modules.core.settings import Settings
from modules.jobs.job import Job
from modules.manager.index import FOLDER
from tests.headers import header_only
from tests.workers import Installed, NoiseConfig, noise_process

MOST_WAITING = 4
STEP = NoiseConfig(step_seconds=0.01, frame_side=8)


def main(folder: Path, what: str) -> None:
    checkpoint = folder / "models" / FOLDER / "tiny.safetensors"
    if not checkpoint.exists():
        header_only(checkpoint)
    settings = Settings(data_dir=folder / "data", models_dirs=(folder / "models",))
    app = replace(build(settings), worker=noise_process(STEP), packages=Installed())
    put_back = [job.id for job in app.queue.journal.waiting() if job.attempts]  # they ran when all was killed
    app.start()
    print("ready", *put_back, flush=True)
    if what == "work":
        put_in_for_ever(app)
    while app.queue.journal.unended():
        time.sleep(0.02)
    (folder / "found.json").write_text(json.dumps(everything(app)))
    app.close()


def put_in_for_ever(app: App) -> None:
    chance = Random()
    while True:
        if len(app.queue.journal.waiting()) < MOST_WAITING:
            request = GenerationRequest(
                prompt="a cat", steps=chance.randint(1, 6), count=chance.randint(1, 3), seed=chance.randint(0, 9999),
                width=8, height=8,
            )  # fmt: skip
            id = app.submit(request, chance.choice(["anna", "ben"]))
            print("told", id, request.count, flush=True)
        time.sleep(chance.uniform(0, 0.05))


def everything(app: App) -> list[dict[str, object]]:
    return [about(app, job) for owner in ("anna", "ben") for job in app.queue.journal.ended(owner, 100_000)]


def about(app: App, job: Job) -> dict[str, object]:
    pictures = app.gallery.of_job(job.id, job.owner)
    return {
        "id": job.id,
        "state": job.state,
        "error": job.error,
        "seed": getattr(job.request, "seed", 0),
        "seeds": [picture.seed for picture in pictures],
        "files": [str(app.gallery.file(picture.id, job.owner)) for picture in pictures],
    }


def start(arguments: Sequence[str]) -> None:
    folder, what = arguments
    main(Path(folder), what)


if __name__ == "__main__":  # the worker process imports this file too
    start(sys.argv[1:])
