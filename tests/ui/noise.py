"""The real page on a real port in this process, with a worker that makes noise: starts in two seconds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from modules.api.server import make_server
from modules.app import App, build
from modules.core.settings import load_settings
from modules.manager.index import FOLDER
from modules.ui.page import mount
from tests.__main__ import find_chromium
from tests.api.conftest import serving
from tests.headers import header_only
from tests.ui.browsing import Server, open_in, strict
from tests.ui.conftest import CHROMIUM_FLAGS
from tests.workers import Installed, NoiseConfig, noise_worker

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SCHEMES = ("light", "dark")
EVERY_LOOK = pytest.mark.parametrize(  # one of the four is enough for every day
    ("size", "scheme"),
    [
        pytest.param(DESK, "light", id="desk-light"),
        pytest.param(PHONE, "dark", id="phone-dark", marks=pytest.mark.long),
        pytest.param(DESK, "dark", id="desk-dark", marks=pytest.mark.long),
        pytest.param(PHONE, "light", id="phone-light", marks=pytest.mark.long),
    ],
)


@dataclass(frozen=True)
class NoisePage(Server):
    app: App

    def end_jobs(self) -> None:
        """Cancel what waits and what runs."""
        for job in self.app.queue.journal.waiting():
            self.app.cancel(job.id, job.owner)
        if view := self.app.view("local"):
            self.app.cancel(view.job.id, "local")


@contextmanager
def noise_page(
    data: Path, noise: NoiseConfig, argv: tuple[str, ...] = (), environ: Mapping[str, str] | None = None
) -> Iterator[NoisePage]:
    """One checkpoint, "tiny", which is only a header; flags and variables as for webui.py."""
    header_only(data / "models" / FOLDER / "tiny.safetensors")
    settings = load_settings(["--data-dir", str(data), *argv], environ or {})
    app = replace(
        build(replace(settings, models_dirs=(data / "models",))), worker=noise_worker(noise), packages=Installed()
    )
    app.start()
    with ExitStack() as ending:
        ending.callback(app.close)
        port = ending.enter_context(serving(make_server(app, mount)))
        ending.callback(app.watchers.close)
        yield NoisePage(f"http://127.0.0.1:{port}", data, app)


@contextmanager
def chromium() -> Iterator[Browser]:
    """For scripts; tests have their fixture."""
    path = os.environ.get("TAFFY_CHROMIUM") or find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, server: Server, size: Mapping[str, int] = DESK, scheme: str = "light") -> Iterator[Page]:
    """A strict browser profile of its own; 390 wide is a phone."""
    phone = size["width"] < 600
    options = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}
    context = browser.new_context(**options, is_mobile=phone, has_touch=phone)  # type: ignore[arg-type]
    with strict(context):
        yield open_in(context, server)


def to_tab(page: Page, name: str) -> None:
    """Open a tab; where there is little room the last ones are in a menu."""
    tab = page.get_by_role("tab", name=name, exact=True)
    if not tab.count():
        page.get_by_role("button", name="More tabs").click()
        tab = page.locator(".overflow-dropdown").get_by_text(name, exact=True)
    tab.click()
