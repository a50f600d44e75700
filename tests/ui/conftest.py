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

from tests.ui.browsing import PATIENCE, RECORD_PAINTED, NewPage, Server, free_port, open_in, running_server, strict

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


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page()
