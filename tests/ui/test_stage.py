"""What the stage makes of what the server tells, in any order: the test is the server's stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.ui.noise import NoisePage, noise_page
from tests.workers import NoiseConfig

pytestmark = pytest.mark.browser
PICTURE = "data:image/gif;base64,R0lGODdhAQABAIEAAP8AAAAAAAAAAAAAACwAAAAAAQABAAAIBAABBAQAOw=="  # a red pixel
FRAME = "data:image/gif;base64,R0lGODdhAQABAIEAAAAA/wAAAAAAAAAAACwAAAAAAQABAAAIBAABBAQAOw=="  # a blue one
MADE = {"id": "p", "url": PICTURE, "seed": 1, "width": 1, "height": 1, "infotext": ""}
JOB = {"id": "j", "prompt": "quick", "error": "", "advice": "", "pictures": [MADE], "message": ""}
RUNNING = {**JOB, "step": 4, "steps": 4, "picture": 1, "count": 1, "seconds_left": 0}
LAST_FRAME = {"job": "j", "n": 4, "step": 4, "steps": 4, "width": 1, "height": 1, "method": "full", "src": FRAME}
DONE = {**JOB, "state": "done"}
FAILED = {**JOB, "id": "k", "prompt": "<i>too</i> large", "state": "failed", "pictures": []}
FAILED |= {"error": "no <b>room</b>", "advice": "make it smaller"}

Event = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    with noise_page(tmp_path_factory.mktemp("data"), NoiseConfig()) as server:
        yield server


def state(running: dict[str, Any] | None, *recent: dict[str, Any]) -> Event:
    worker = {"state": "busy" if running else "ready"}
    me = {"name": "local", "role": "owner", "shared": False}
    paused = {"own": False, "all": False}
    rest = {"me": me, "paused": paused, "waiting": [], "others": []}
    return "state", {**rest, "worker": worker, "running": running, "recent": list(recent)}


@contextmanager
def told(browser: Browser, server: NoisePage, *events: Event, script: str = "") -> Iterator[Page]:
    """A page that has heard these events, and then nothing more."""
    left = list(events)

    def tell_once(route: Route) -> None:  # and leave those waiting who ask again
        if left:
            body = "".join(f"event: {kind}\ndata: {json.dumps(value)}\n\n" for kind, value in left)
            left.clear()
            route.fulfill(body=body, content_type="text/event-stream")

    context = browser.new_context()
    context.add_init_script(f"delete window.SharedWorker; {script}")  # its requests cannot be answered from here
    page = context.new_page()
    sins: list[str] = []
    page.on("pageerror", lambda error: sins.append(str(error)))
    page.route("**/jobs/stream", tell_once)
    page.goto(server.url)
    expect(page.locator("taffy-engine")).to_have_attribute("data-state", "failed")  # the end of the line
    yield page
    context.close()
    assert not sins, sins


def front_is(page: Page, src: str) -> None:
    expect(page.locator(".taffy-box img.front")).to_have_attribute("src", src)


def test_a_frame_that_comes_after_its_picture_does_not_stay(browser: Browser, server: NoisePage) -> None:
    """The server tells a watcher the newest state, then the newest frame: around the last step the frame is older."""
    with told(browser, server, state(RUNNING), ("frame", LAST_FRAME), state(None, DONE)) as page:
        front_is(page, PICTURE)


def test_nor_when_another_job_has_failed_meanwhile(browser: Browser, server: NoisePage) -> None:
    with told(browser, server, state(RUNNING), ("frame", LAST_FRAME), state(None, FAILED, DONE)) as page:
        front_is(page, PICTURE)


def test_nor_while_the_next_job_has_nothing_to_show_yet(browser: Browser, server: NoisePage) -> None:
    following = {**RUNNING, "id": "next", "pictures": [], "step": 0}
    with told(browser, server, state(RUNNING), ("frame", LAST_FRAME), state(following, DONE)) as page:
        front_is(page, PICTURE)


def test_a_running_job_shows_its_preview(browser: Browser, server: NoisePage) -> None:
    with told(browser, server, state(RUNNING), ("frame", LAST_FRAME)) as page:
        front_is(page, FRAME)


def test_a_picture_that_the_browser_does_not_decode_ahead_is_shown_all_the_same(
    browser: Browser, server: NoisePage
) -> None:
    refuse = "HTMLImageElement.prototype.decode = async () => { throw new Error('no decoder is free') }"
    with told(browser, server, state(RUNNING), ("frame", LAST_FRAME), state(None, DONE), script=refuse) as page:
        front_is(page, PICTURE)


def test_the_only_job_may_be_taken_back_while_it_runs(browser: Browser, server: NoisePage) -> None:
    with told(browser, server, state({**RUNNING, "pictures": []}), state(None)) as page:
        expect(page.locator(".taffy-empty")).to_be_visible()


def test_a_failed_job_says_again_what_was_wrong(browser: Browser, server: NoisePage) -> None:
    with told(browser, server, state(None, DONE, FAILED)) as page:
        expect(page.locator(".taffy-problem")).to_be_empty()
        page.get_by_role("button", name="failed <i>too</i> large").click()
        expect(page.locator(".taffy-problem")).to_have_text("no <b>room</b>make it smaller")
