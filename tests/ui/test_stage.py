"""What the stage makes of what the server tells, in any order: the test is the server's stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

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
STREAM = """
    delete window.SharedWorker;
    window.EventSource = class extends EventTarget {
        constructor() {
            super();
            window.tell = (kind, value) => this.dispatchEvent(new MessageEvent(kind, {data: JSON.stringify(value)}));
            setTimeout(() => this.onopen());
        }
    };
"""
TELL = """async (events) => {
    for (const [kind, value] of events) {
        tell(kind, value);
        await new Promise((done) => setTimeout(done));
    }
}"""

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


@pytest.fixture(scope="module")
def hearing(browser: Browser, server: NoisePage) -> Iterator[Page]:
    """A page that hears what the tests say, and nothing of the server."""
    context = browser.new_context()
    context.add_init_script(STREAM)
    page = context.new_page()
    sins: list[str] = []
    page.on("pageerror", lambda error: sins.append(str(error)))
    page.goto(server.url)
    expect(page.locator(".taffy-empty")).to_be_visible()
    yield page
    context.close()
    assert not sins, sins


@pytest.fixture
def page(hearing: Page) -> Page:
    """With a new stage, that has heard of no job."""
    tell(hearing, state(None))
    hearing.evaluate("document.querySelector('taffy-stage').outerHTML = '<taffy-stage></taffy-stage>'")
    return hearing


def tell(page: Page, *events: Event) -> None:
    """One after the other, each as a task of its own."""
    page.evaluate(TELL, [list(event) for event in events])


def front_is(page: Page, src: str) -> None:
    """This is shown, and nothing else comes after it."""
    page.wait_for_function("!document.querySelector('taffy-stage').screen.busy")
    expect(page.locator(".taffy-box img.front")).to_have_attribute("src", src)


def test_a_frame_that_comes_after_its_picture_does_not_stay(page: Page) -> None:
    """The server tells a watcher the newest state, then the newest frame: around the last step the frame is older."""
    tell(page, state(RUNNING), ("frame", LAST_FRAME), state(None, DONE))
    front_is(page, PICTURE)


def test_nor_when_another_job_has_failed_meanwhile(page: Page) -> None:
    tell(page, state(RUNNING), ("frame", LAST_FRAME), state(None, FAILED, DONE))
    front_is(page, PICTURE)


def test_nor_while_the_next_job_has_nothing_to_show_yet(page: Page) -> None:
    following = {**RUNNING, "id": "next", "pictures": [], "step": 0}
    tell(page, state(RUNNING), ("frame", LAST_FRAME), state(following, DONE))
    front_is(page, PICTURE)


def test_a_running_job_shows_its_preview(page: Page) -> None:
    tell(page, state(RUNNING), ("frame", LAST_FRAME))
    front_is(page, FRAME)


def test_a_picture_that_the_browser_does_not_decode_ahead_is_shown_all_the_same(page: Page) -> None:
    page.evaluate("() => { window.decode = HTMLImageElement.prototype.decode; }")
    page.evaluate("() => { HTMLImageElement.prototype.decode = async () => { throw new Error('none is free'); }; }")
    tell(page, state(RUNNING), ("frame", LAST_FRAME), state(None, DONE))
    front_is(page, PICTURE)
    page.evaluate("() => { HTMLImageElement.prototype.decode = window.decode; }")


def test_the_only_job_may_be_taken_back_while_it_runs(page: Page) -> None:
    tell(page, state({**RUNNING, "pictures": []}), state(None))
    expect(page.locator(".taffy-empty")).to_be_visible()


def test_a_failed_job_says_again_what_was_wrong(page: Page) -> None:
    tell(page, state(None, DONE, FAILED))
    expect(page.locator(".taffy-problem")).to_be_empty()
    page.get_by_role("button", name="failed <i>too</i> large").click()
    expect(page.locator(".taffy-problem")).to_have_text("no <b>room</b>make it smaller")


def test_what_was_asked_for_can_be_taken_back_until_it_is_there_whatever_else_comes(page: Page) -> None:
    page.route("**/inputs", lambda route: route.fulfill(json={"id": "i"}))
    page.route("**/jobs", lambda route: route.fulfill(json={"id": "asked", "notes": []}))
    tell(page, state(None, DONE))
    page.get_by_role("button", name="Upscale", exact=True).click()
    back = page.get_by_role("button", name="Take it back")
    expect(back).to_be_visible()
    other, asked = ({**DONE, "id": id, "pictures": [{**MADE, "id": id, "url": FRAME}]} for id in ("other", "asked"))
    tell(page, state(None, other, DONE))
    front_is(page, FRAME)
    expect(back).to_be_visible()
    tell(page, state(None, asked, other, DONE))
    expect(back).to_have_count(0)
    page.unroute_all()
