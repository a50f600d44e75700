"""One server and one browser for all tests of the page, a browser profile for each."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.ui.browsing import (
    PATIENCE,
    RECORD_PAINTED,
    NewPage,
    Server,
    free_port,
    open_in,
    put_back,
    running_server,
    strict,
    wait_until_idle,
)

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_models: Path) -> Iterator[Server]:
    with running_server(free_port(), tmp_path_factory.mktemp("data"), tiny_models) as server:
        yield server


@pytest.fixture(scope="module")  # while Playwright runs, asyncio.run of other tests in this thread fails
def browser() -> Iterator[Browser]:
    chromium = os.environ.get("TAFFY_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        pytest.skip(os.environ.get("TAFFY_NO_CHROMIUM", "no Chromium here: TAFFY_CHROMIUM=<its path> names one"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, server: Server) -> Iterator[NewPage]:
    """Opens the page in a browser profile of its own; keywords are Playwright's for a context."""
    until = time.monotonic() + PATIENCE
    while (state := server.state())["running"] or state["waiting"]:
        assert time.monotonic() < until, "a job of an earlier test does not end"
        time.sleep(0.1)
    with ExitStack() as contexts:

        def open_page(**options: Any) -> Page:
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
            contexts.enter_context(strict(context))
            context.add_init_script(RECORD_PAINTED)
            return open_in(context, server)

        yield open_page


@pytest.fixture(scope="module")
def one_page(browser: Browser, server: Server) -> Iterator[Page]:
    """One page for all tests of a module that do not mind what the others did to it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    with strict(context):
        yield open_in(context, server)


@pytest.fixture(scope="module")
def at_first(one_page: Page) -> dict[str, Any]:
    """What the form of the module's page said when it had been opened."""
    values: dict[str, Any] = one_page.evaluate("taffyForm")
    return values


@pytest.fixture
def page(one_page: Page, at_first: dict[str, Any]) -> Page:
    """The module's page once more as it was: nothing runs, nothing is open, the form says what it said at first."""
    wait_until_idle(one_page)
    if one_page.locator("dialog[open]").count():
        one_page.keyboard.press("Escape")
    one_page.evaluate("document.activeElement.blur()")  # letters go into a field that has the focus
    put_back(one_page, at_first)
    return one_page
