"""Two browsers, two users, one Taffy: each sees their own previews and results, in fair order, and no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from modules.core.request import GenerationRequest
from modules.jobs.journal import EVERYBODY
from modules.manager.index import FOLDER
from tests.headers import header_only
from tests.ui.browsing import wait_for_form
from tests.ui.noise import DESK, NoisePage, noise_page
from tests.workers import NoiseConfig

pytestmark = pytest.mark.browser
WORD = "correct horse"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    folder = tmp_path_factory.mktemp("two")
    header_only(folder / "models" / FOLDER / "another.safetensors")  # with this one the owner's form begins
    with noise_page(folder, NoiseConfig(0.04), ("--listen",)) as server:
        for name in ("ben", "eve"):
            server.app.access.users.add(name, "user", WORD)
            server.app.own.change(name, {"ckpt": "tiny"})
        yield server


def logged_in(browser: Browser, server: NoisePage, name: str) -> Page:
    page = browser.new_context(viewport=DESK).new_page()  # type: ignore[arg-type]
    page.goto(server.url)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Come in").click()
    wait_for_form(page)  # it begins with their own checkpoint
    return page


def test_two_people_at_once_see_their_own_and_nothing_of_each_other(browser: Browser, server: NoisePage) -> None:
    ben, eve = (logged_in(browser, server, name) for name in ("ben", "eve"))
    jobs: dict[str, list[str]] = {}
    for name in ("ben", "ben", "eve"):
        request = GenerationRequest(prompt=f"a castle of {name}", steps=16, width=64, height=64, seed=7)
        jobs.setdefault(name, []).append(server.app.submit(request, name))
    queues = {"ben": ben.locator("taffy-queue"), "eve": eve.locator("taffy-queue")}
    expect(queues["ben"]).to_contain_text("a castle of ben")
    expect(queues["eve"]).to_contain_text("a castle of eve")
    fronts = [page.locator(".taffy-box img.front") for page in (ben, eve)]
    expect(fronts[0]).to_be_visible()  # Ben's preview, while Eve waits
    expect(queues["eve"].locator("li.done")).to_have_count(1)
    expect(fronts[1]).to_be_visible()
    second = server.app.queue.journal.get(jobs["ben"][1], "ben")
    assert second.state != "done"  # Eve had her turn before it, though it came first
    expect(queues["ben"].locator("li.done")).to_have_count(2)
    for page, other in ((ben, "eve"), (eve, "ben")):
        assert f"castle of {other}" not in page.content()
        id = jobs[other][0]
        picture = server.app.gallery.of_job(id, other)[0].id
        for path in (f"/jobs/{id}", f"/jobs/{id}/preview", f"/jobs/{id}/film.webp", f"/pictures/{picture}"):
            assert page.request.get(server.url + path).status == 404
    server.app.queue.pause(EVERYBODY, True)
    server.app.watchers.changed()
    expect(ben.get_by_role("button", name="Paused for all")).to_be_disabled()  # only the owner can let it go on
    for page in (ben, eve):
        page.context.close()
