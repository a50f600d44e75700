"""The web server: the guard, then our own routes, then the page."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from modules.api.assets import add_assets
from modules.api.batch import batch_routes
from modules.api.checkpoints import checkpoint_routes
from modules.api.doors import hosts
from modules.api.entry import Entry
from modules.api.extensions import MAX_ZIP, extension_routes
from modules.api.guard import Guard
from modules.api.help import help_routes
from modules.api.inputs import input_routes
from modules.api.jobs import job_routes
from modules.api.login import login_routes
from modules.api.look import look_routes
from modules.api.memory import memory_routes
from modules.api.models import model_routes
from modules.api.pace import pace_routes
from modules.api.people import people_routes
from modules.api.pictures import picture_routes
from modules.api.scope import AsgiApp
from modules.api.settings import settings_routes
from modules.api.styles import style_routes
from modules.api.upscalers import upscaler_routes
from modules.api.words import word_routes
from modules.app import App
from modules.core.errors import BadSetting, Busy, CannotSave, NotAllowed, NotThere, QueueFull, TaffyError
from modules.core.settings import Settings
from modules.gallery.reading import MAX_BYTES

STATUS = {NotAllowed: 403, NotThere: 404, QueueFull: 429, Busy: 503, CannotSave: 507}  # every other TaffyError is 422


Mount = Callable[[FastAPI, App], object]


def make_server(app: App, mount: Mount = lambda server, app: None, heartbeat: float = 15.0) -> Guard:
    """The ASGI app. mount: adds the page at "/", behind all routes that are here. heartbeat: seconds, see `watch`."""
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    server.add_exception_handler(TaffyError, tell)
    for routes in (
        job_routes(app, heartbeat),
        picture_routes(app),
        input_routes(app),
        batch_routes(app),
        look_routes(app),
        checkpoint_routes(app),
        upscaler_routes(app),
        model_routes(app),
        style_routes(app),
        settings_routes(app),
        help_routes(),
        word_routes(app),
        memory_routes(app),
        pace_routes(app),
        login_routes(app.access),
        people_routes(app),
        extension_routes(app),
    ):
        server.include_router(routes)
    add_assets(server)

    @server.get("/healthz")
    def health() -> dict[str, str]:
        """Whether the server answers and what its engine does; strangers may ask."""
        return {"app": "taffy", "engine": app.watchers.worker.state}

    @server.get("/internal/ping")
    def ping() -> dict[str, str]:
        return {"app": "taffy"}

    mount(server, app)
    known = hosts(app.settings)
    origins = {f"http://{f'[{host}]' if ':' in host else host}:{app.settings.port}" for host in known}
    return Guard(server, known, origins, Entry(app.access), {"/inputs": MAX_BYTES, "/extensions/install": MAX_ZIP})


def server_config(asgi_app: AsgiApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn runs it. Raises BadSetting for a certificate that cannot be used."""
    tls = {}
    if settings.tls_cert or settings.tls_key:
        if not (settings.tls_cert and settings.tls_key):
            raise BadSetting("--tls-cert and --tls-key go together, one of them is missing")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
        except (OSError, ValueError) as error:
            message = f"the certificate {settings.tls_cert} with the key {settings.tls_key} cannot be used: {error}"
            raise BadSetting(message, "both are PEM files, and the key belongs to the certificate") from error
        tls = {"ssl_certfile": str(settings.tls_cert), "ssl_keyfile": str(settings.tls_key)}
    log = {"log_config": None, "log_level": "warning", "access_log": False}
    return uvicorn.Config(asgi_app, proxy_headers=False, timeout_graceful_shutdown=1, **log, **tls)  # type: ignore[arg-type]


def tell(_: Request, error: Exception) -> JSONResponse:
    """An error as its sentence, never as a traceback."""
    if not isinstance(error, TaffyError):
        raise error
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 422)
    return JSONResponse({"error": error.message, "advice": error.advice}, status_code=status)
