"""The server that the bench `load` presses: `python -m tests.bench.loaded FOLDER USERS`.

Prints its port, and "full" when as many previews are kept for films as there may be.
"""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from modules.api.server import make_server
from modules.app import build
from modules.core.settings import Settings
from modules.jobs.film import BUDGET
from modules.manager.index import FOLDER
from modules.ui.page import mount
from tests.api.conftest import serving
from tests.headers import header_only
from tests.workers import Installed, NoiseConfig, noise_process

WORD = "correct horse"
STEP = NoiseConfig(step_seconds=0.02, frame_side=160)  # 20 kB a preview, as those of real pictures
NEARLY = 0.95  # of the films' bytes; the oldest film goes whole


def main(folder: Path, users: int) -> None:
    header_only(folder / "models" / FOLDER / "tiny.safetensors")
    settings = Settings(data_dir=folder / "data", models_dirs=(folder / "models",), listen=True)
    app = replace(build(settings), worker=noise_process(STEP), packages=Installed())
    app.access.throttle.seconds = lambda address: 0.0  # type: ignore[method-assign]  # all come from one address
    for number in range(users):
        app.access.users.add(f"user{number}", "user", WORD)
    app.start()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with serving(make_server(app, mount)) as port:
        print("port", port, flush=True)
        while not stop.wait(1.0):
            if app.watchers.films.size > NEARLY * BUDGET:
                print("full", flush=True)
                break
        stop.wait()
        app.watchers.close()
    app.close()


if __name__ == "__main__":  # the worker process imports this file too
    main(Path(sys.argv[1]), int(sys.argv[2]))
