"""Style pictures that are pressed faster than Gradio tells what the form says: none is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.noise import NoisePage, noise_page, opened
from tests.workers import NoiseConfig

pytestmark = pytest.mark.browser
AT_ONCE = "(selector) => [...document.querySelectorAll(selector)].slice(0, 2).forEach((button) => button.click())"
CHOSEN = ".taffy-style-chosen li"
HUSH = "() => { taffyFilled.style = false; sessionStorage.removeItem('taffy-undo'); }"
SPEAK = """async () => {
    taffyFilled.style = true;
    (await import("/taffy/form.js")).write({ seed: taffyForm.seed + 1 });
}"""  # any change makes Gradio tell


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoisePage]:
    with noise_page(tmp_path_factory.mktemp("data"), NoiseConfig()) as server:
        yield server


@pytest.fixture(scope="module")
def tab(browser: Browser, server: NoisePage) -> Iterator[Page]:
    with opened(browser, server) as page:
        page.get_by_role("tab", name="style transfer").click()
        page.wait_for_function("window.taffyForm?.style_images")
        yield page


@pytest.fixture
def page(tab: Page) -> Page:
    """The tab with two pictures: when the second was pressed, Gradio had not told of the first."""
    while tab.locator(CHOSEN).count():
        tab.get_by_role("button", name="Remove style picture 1").click()
    told(tab, 0)
    expect(tab.locator(".taffy-style-shipped button").nth(1)).to_be_visible()
    tab.evaluate(HUSH)
    tab.evaluate(AT_ONCE, ".taffy-style-shipped button")
    tab.wait_for_function("JSON.parse(sessionStorage.getItem('taffy-undo'))?.length === 2")
    tab.evaluate(SPEAK)
    told(tab, 2)
    return tab


def told(page: Page, count: int) -> None:
    page.wait_for_function("count => taffyForm.style_images.length === count", arg=count)


def test_both_of_two_that_are_pressed_at_once_are_there(page: Page) -> None:
    expect(page.locator(CHOSEN)).to_have_count(2)
    expect(page.locator(".taffy-style-shipped [aria-pressed=true]")).to_have_count(2)


def test_undo_takes_them_back_one_by_one(page: Page) -> None:
    undo = page.get_by_role("button", name="Undo “")
    undo.click()
    told(page, 1)
    undo.click()
    told(page, 0)


def test_both_of_two_that_are_removed_at_once_are_gone(page: Page) -> None:
    page.evaluate(AT_ONCE, f"{CHOSEN} > button")
    told(page, 0)


def test_shares_that_are_set_at_once_are_both_kept(page: Page) -> None:
    page.evaluate(
        """(selector) => document.querySelectorAll(selector).forEach((range, at) => {
            range.value = [100, 20][at];
            range.dispatchEvent(new Event("input", { bubbles: true }));
        })""",
        f"{CHOSEN} input",
    )
    page.wait_for_function("JSON.stringify(taffyForm.style_weights) === '[100,20]'")
