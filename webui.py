"""Starts Taffy: flags, packages, App, page. `python webui.py --help` lists the flags."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser

from modules.bootstrap import check_python, ensure
from modules.core.errors import BadSetting, TaffyError
from modules.core.settings import ROOT, Settings, load_settings


def main(argv: list[str]) -> None:
    check_python()
    settings = load_settings(argv, os.environ)
    ensure(ROOT, ["front"], [str(ROOT / "webui.py"), *argv])
    try:
        door = socket.create_server((settings.host, settings.port))
    except OSError as error:
        message = f"port {settings.port} of {settings.host} cannot be used: {error.strerror}"
        advice = f"is Taffy running already? Otherwise take another one: --port {settings.port % 65535 + 1}"
        raise BadSetting(message, advice) from error
    serve(settings, door)


def serve(settings: Settings, door: socket.socket) -> None:
    """Serve the page until Ctrl+C. Packages are there only now, so they are imported only now."""
    from modules.app import build

    app = build(settings)
    app.start()  # the engine imports its libraries while this process imports gradio
    import uvicorn

    from modules.api.server import make_server
    from modules.ui.page import mount

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            address = f"http://{settings.host}:{settings.port}"
            print(f"Taffy is ready on {address}", flush=True)
            if settings.autolaunch:
                webbrowser.open(address)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.close()
            await super().shutdown(sockets)

    Server(uvicorn.Config(make_server(app, mount), log_level="warning", timeout_graceful_shutdown=1)).run([door])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except TaffyError as problem:
        sys.exit("\n".join(filter(None, [problem.message, problem.advice])))
    except KeyboardInterrupt:
        print("\nTaffy has stopped.")
