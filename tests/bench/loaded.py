"""The server that the bench `load` presses: `python -m tests.bench.loaded FOLDER USERS`; prints its port."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from modules.api.server import make_server
from modules.app import build
from modules.core.settings import Settings
from modules.jobs.film import Films
from modules.manager.index import FOLDER
from modules.ui.page import mount
from tests.api.conftest import serving
from tests.headers import header_only
from tests.workers import Installed, NoiseConfig, noise_process

WORD = "correct horse"
STEP = NoiseConfig(step_seconds=0.02, frame_side=64)
FILMS = 2_000_000  # bytes of previews that are kept: full in seconds, where a real server needs its first hour


def main(folder: Path, users: int) -> None:
    header_only(folder / "models" / FOLDER / "tiny.safetensors")
    settings = Settings(data_dir=folder / "data", models_dirs=(folder / "models",), listen=True)
    app = replace(build(settings), worker=noise_process(STEP), packages=Installed())
    app.access.throttle.seconds = lambda address: 0.0  # type: ignore[method-assign]  # all come from one address
    for number in range(users):
        app.access.users.add(f"user{number}", "user", WORD)
    app.watchers.films = Films(FILMS)
    app.start()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with serving(make_server(app, mount)) as port:
        print("port", port, flush=True)
        stop.wait()
        app.watchers.close()
    app.close()


if __name__ == "__main__":  # the worker process imports this file too
    main(Path(sys.argv[1]), int(sys.argv[2]))
