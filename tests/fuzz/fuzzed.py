"""The server that is fuzzed, in a process of its own: `python -m tests.fuzz.fuzzed FOLDER` tells its port and routes.

It is as webui.py starts it for whoever sits at this computer, who may do the most; its worker makes noise.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from modules.api.server import make_server
from modules.app import build
from modules.core.settings import Settings
from modules.manager.index import FOLDER
from modules.ui.page import mount
from tests.api.conftest import serving
from tests.api.routes import every_route
from tests.headers import header_only
from tests.workers import Installed, noise_worker


def main(folder: Path) -> None:
    header_only(folder / "models" / FOLDER / "tiny.safetensors")
    settings = Settings(data_dir=folder / "data", models_dirs=(folder / "models",))
    app = replace(build(settings), worker=noise_worker(), packages=Installed())
    app.start()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    guard = make_server(app, mount)
    with serving(guard) as port:
        print(json.dumps({"port": port, "routes": every_route(guard, app)}), flush=True)
        stop.wait()
        app.watchers.close()
    app.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
