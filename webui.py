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
    if argv and argv[0] in {"user", "doctor", "new-extension"}:
        ensure(ROOT, ["front"], [str(ROOT / "webui.py"), *argv])
        from modules import commands

        return commands.run(argv)
    settings = load_settings(argv, os.environ)
    ensure(ROOT, ["front"], [str(ROOT / "webui.py"), *argv])
    try:
        door = socket.create_server((settings.address, settings.port))
    except OSError as error:
        message = f"port {settings.port} of {settings.address} cannot be used: {error.strerror}"
        advice = f"is Taffy running already? Otherwise take another one: --port {settings.port % 65535 + 1}"
        raise BadSetting(message, advice) from error
    return serve(settings, door)


def serve(settings: Settings, door: socket.socket) -> None:
    """Serve the page until Ctrl+C. Packages are there only now, so they are imported only now."""
    from modules.app import build
    from modules.log import log_to

    file = settings.data_dir / "logs" / "taffy.log"
    log_to(file)
    app = build(settings)
    log_to(file, [app.access.token])
    app.start()  # the engine imports its libraries while this process imports gradio
    import uvicorn

    from modules.api.announce import announce
    from modules.api.server import make_server, server_config
    from modules.ui.page import mount

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            address = announce(settings, app.access)
            if settings.autolaunch:
                webbrowser.open(address)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.close()
            await super().shutdown(sockets)

    Server(server_config(make_server(app, mount), settings)).run([door])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except TaffyError as problem:
        sys.exit("\n".join(filter(None, [problem.message, problem.advice])))
    except KeyboardInterrupt:
        print("\nTaffy has stopped.")
