"""What the page tells of the server: its memory, its folders, the jobs of other days."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from modules.api.assets import OURS
from modules.core.request import GenerationRequest
from tests.ui.noise import NoisePage, noise_page, opened
from tests.ui.painting import bring, gradient, open_tab, png
from tests.workers import NoiseConfig

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    with noise_page(tmp_path_factory.mktemp("data"), NoiseConfig()) as server:
        (server.data / "models" / "Stable-diffusion" / "old.ckpt").write_bytes(b"x")
        server.app.index.scan()
        yield server


@pytest.fixture(scope="module")
def page(browser: Browser, server: NoisePage) -> Iterator[Page]:
    with opened(browser, server) as page:
        yield page


def put(server: NoisePage, prompt: str) -> str:
    return server.app.submit(GenerationRequest(prompt=prompt, width=64, height=64, steps=1), "local")


def test_the_strip_lists_all_of_today_and_older_ones_when_asked(page: Page, server: NoisePage) -> None:
    ids = [put(server, f"job {number}") for number in range(20)]
    chips = page.locator("taffy-queue li.done")
    more = page.get_by_role("button", name="Show more")
    page.reload()
    expect(chips).to_have_count(20)
    expect(more).to_have_count(0)
    journal = server.app.queue.journal
    journal._db.execute("UPDATE job SET ended = ended - 90000 WHERE id IN (?, ?, ?, ?, ?)", ids[:5])
    page.reload()
    expect(chips).to_have_count(15)
    more.click()
    expect(chips).to_have_count(20)
    expect(more).to_have_count(0)
    page.get_by_role("button", name="done job 0", exact=True).click()
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", "job 0")


def test_the_memory_is_read_while_nothing_else_is_new(page: Page) -> None:
    with page.expect_response("**/memory") as answer:
        pass
    assert answer.value.ok


def test_what_has_no_noise_has_no_curve(page: Page) -> None:
    hidden = """async (sigmas) => {
        const curve = new (await import("/taffy/curve.js")).Curve();
        curve.draw({ sigmas, steps: sigmas.length });
        return curve.root.hidden;
    }"""
    assert [page.evaluate(hidden, sigmas) for sigmas in ([0, 0, 0], [8, 2, 0], [0, 2, 8])] == [True, False, False]


def test_every_script_has_a_url_that_gives_what_the_page_has(page: Page) -> None:
    names = [file.name for file in OURS.glob("*.js") if file.name != "shared.js"]  # that is a worker's
    missing = """async (names) => {
        const all = await Promise.all(names.map((name) => import(`/taffy/${name}`)));
        return names.filter((_, at) => Object.values(all[at]).includes(undefined));
    }"""
    assert page.evaluate(missing, names) == []
    assert page.evaluate("async () => (await import('/taffy/form.js')).form.values.checkpoint") == "tiny"


def test_files_that_cannot_be_used_are_listed_with_their_reason(page: Page) -> None:
    page.get_by_text("One file cannot be used").click()
    expect(page.locator("taffy-unusable li:visible")).to_contain_text("old.ckpt")


def test_live_says_what_is_different_from_what_was_asked_for(page: Page) -> None:
    open_tab(page)
    bring(page, png(gradient((61, 67))))
    live = page.locator("#taffy-frame-img2img taffy-live")
    live.get_by_role("switch").check()
    expect(live.get_by_role("status")).to_have_text(
        "painted at 64x68, the next size this checkpoint can make, and cut to 61x67"
    )
    live.get_by_role("switch").uncheck()
    expect(live.get_by_role("status")).to_have_text("")
